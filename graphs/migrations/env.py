"""How Alembic reaches the database: the caller hands over its URL."""

from alembic import context
from sqlalchemy import create_engine

from graphs.tables import metadata

engine = create_engine(context.config.attributes["url"])
with engine.begin() as connection:
    context.configure(connection=connection, target_metadata=metadata)
    with context.begin_transaction():
        context.run_migrations()
engine.dispose()
