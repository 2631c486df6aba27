"""How Alembic reaches the database: the caller hands over its URL.

On SQLite all of an upgrade happens, or nothing; on a server each migration does, so that a long one may leave
its transaction for the sake of the programs that work there meanwhile.
"""

from alembic import context
from sqlalchemy import create_engine

from graphs.tables import metadata

engine = create_engine(context.config.attributes["url"])
if engine.dialect.name == "sqlite":
    from graphs.sqlite import prepare_sqlite

    prepare_sqlite(engine)
    with engine.connect().execution_options(write=True) as connection, connection.begin():
        context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True)
        context.run_migrations()
else:
    with engine.connect() as connection:
        context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()
engine.dispose()
