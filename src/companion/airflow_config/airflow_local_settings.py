"""What Airflow reads at every start, under this name, in the processes of `companion.airflow_services`.

Airflow opens a savepoint, reads, and then writes (``airflow backfill create`` does for each run). In SQLite a
savepoint begins a transaction that only reads; if somebody else writes before it does, SQLite answers "database
is locked" at once, whatever the time-out, since what was read is out of date. A transaction that takes the lock
before it reads waits for its turn instead.
"""

from sqlalchemy import Connection, event
from sqlalchemy.engine import Engine


@event.listens_for(Engine, "savepoint")
def take_the_lock_first(connection: Connection, name: str | None) -> None:
    """Begin a transaction that may write, where the savepoint would begin one that reads."""
    database = connection.connection.dbapi_connection
    if database is not None and connection.dialect.name == "sqlite" and not database.in_transaction:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
