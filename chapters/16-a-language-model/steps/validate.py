"""Step 2: refuse a month that is not what we believe it is."""

import pandera.pandas as pa
from pandera.errors import SchemaError

from flightdelay.errors import ValidationError
from flightdelay.months import months_before

from .ingest import Raw

DESKS = [
    *("baggage_allowance", "baggage_damaged", "baggage_lost", "cancellation_refund", "change_booking"),
    *("checkin_boarding_pass", "complaint_service", "delay_status", "loyalty_points", "missed_connection"),
    *("rebook", "refund_status", "seat_request", "special_assistance"),
]
LONGEST = 2_000

MESSAGES = pa.DataFrameSchema(
    {
        "id": pa.Column(str, unique=True),
        "month": pa.Column(str),
        "text": pa.Column(
            str,
            [
                pa.Check(lambda texts: texts.str.strip() != "", error="not empty"),
                pa.Check.str_length(1, LONGEST, error=f"at most {LONGEST} letters"),
            ],
            unique=True,  # a message that came twice is a twin (16.1)
        ),
        "intent": pa.Column(str, pa.Check.isin(DESKS, error="one of the fourteen desks")),
    },
    strict=True,
)
ENCODER = pa.DataFrameSchema(
    {
        "path": pa.Column(str),
        "sha256": pa.Column(str, pa.Check.str_matches("^[0-9a-f]{64}$", error="a SHA-256 sum")),
    },
    strict=True,
)


def validate(raw: Raw, month: str, window: int | None = None) -> Raw:
    """Check both tables against their schemas and return them unchanged.

    Raises
    ------
    ValidationError
        If a column is missing or superfluous, a value breaks its rule, a message is there twice, or a month has none.
    """
    for name, schema, table in (("messages", MESSAGES, raw.messages), ("encoder", ENCODER, raw.encoder)):
        try:
            schema.validate(table)
        except SchemaError as error:
            raise ValidationError(_refusal(name, str(error))) from None
    present = set(raw.messages["month"])
    for needed in (*months_before(month, window), month):
        if needed not in present:
            raise ValidationError(_refusal("messages", f"{needed} has no rows"))
    return raw


def _refusal(table: str, what: str) -> str:
    return (
        f"The table {table} breaks its schema: {what.splitlines()[0]}. "
        "The run stops here and the champion stays; mend or replace the month, then run it again."
    )
