"""How the service is put where it runs; docs/deployment.md tells how each file is used."""
