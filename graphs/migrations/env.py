"""How Alembic reaches the database: the caller hands over its URL. All of an upgrade happens, or nothing."""

from alembic import context
from sqlalchemy import create_engine

from graphs.store import prepare_sqlite
from graphs.tables import metadata

engine = create_engine(context.config.attributes["url"])
prepare_sqlite(engine)
with engine.connect().execution_options(write=True) as connection, connection.begin():
    context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True)
    context.run_migrations()
engine.dispose()
