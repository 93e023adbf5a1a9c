"""The door: second factor, certificates, who confirmed his data, a log of log-ins that only grows.

Before: name and password alone; the log kept every typed name in clear and no unit. Now: ``ab_user`` has the device of
one-time codes and the serial number of a certificate; ``login_attempt`` has person, unit and factor, and the database
refuses to change it; ``login_puzzle`` keeps which pictures of the login page have been answered. People and units that
have been at work already are taken as confirmed (AID-R005, R011). Names that nobody has are blanked: some were passwords.
Downgrade loses devices, serial numbers and what the log has gained; the blanked names stay blank.
"""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0020", "0019"
branch_labels = depends_on = None

WORDS = "登录日志一经写入，不得修改或删除。"


def upgrade():
    for column in (
        sa.Column("certificate_serial", sa.String(length=100), nullable=True),
        sa.Column("factor_secret", sa.String(length=200), nullable=True),
        sa.Column("factor_at", sa.DateTime(), nullable=True),
        sa.Column("factor_step", sa.Integer(), nullable=True),
        sa.Column("recovery_codes", sa.JSON(), nullable=True),
    ):
        op.add_column("ab_user", column)
    op.create_index("ix_ab_user_certificate_serial", "ab_user", ["certificate_serial"], unique=True)
    for column in (
        sa.Column("person_name", sa.String(length=64), nullable=True),
        sa.Column("unit_id", sa.Integer(), nullable=True),
        sa.Column("unit_name", sa.String(length=100), nullable=True),
        sa.Column("factor", sa.String(length=12), nullable=True),
    ):
        op.add_column("login_attempt", column)
    op.create_index("ix_login_attempt_unit", "login_attempt", ["unit_id", "id"])
    op.create_index("ix_login_attempt_address_at", "login_attempt", ["address", "at"])
    op.create_table(
        "login_puzzle",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_puzzle")),
    )
    op.create_index("ix_login_puzzle_at", "login_puzzle", ["at"])
    _take_as_confirmed()
    _tell_more_of_the_log()
    protect()


def _take_as_confirmed():
    """Who has logged in with a password of his own has been at work; so has a unit with such a person."""
    op.execute(
        "UPDATE ab_user SET profile_confirmed_at = last_login"
        " WHERE profile_confirmed_at IS NULL AND last_login IS NOT NULL"
        " AND (must_change_password IS NULL OR NOT must_change_password)"
    )
    op.execute(
        "UPDATE unit SET profile_confirmed_at = updated_at WHERE profile_confirmed_at IS NULL AND id IN"
        " (SELECT assignment.unit_id FROM assignment JOIN ab_user ON ab_user.id = assignment.account_id"
        " WHERE ab_user.profile_confirmed_at IS NOT NULL)"
    )


def _tell_more_of_the_log():
    """Person and unit as they are today; no name that nobody has."""
    op.execute("UPDATE login_attempt SET login_name = '?' WHERE account_id IS NULL")
    op.execute(
        "UPDATE login_attempt SET"
        " person_name = (SELECT first_name FROM ab_user WHERE ab_user.id = login_attempt.account_id),"
        " unit_id = (SELECT min(unit_id) FROM assignment WHERE assignment.account_id = login_attempt.account_id)"
        " WHERE account_id IS NOT NULL"
    )
    op.execute(
        "UPDATE login_attempt SET unit_name = (SELECT name FROM unit WHERE unit.id = login_attempt.unit_id)"
        " WHERE unit_id IS NOT NULL"
    )
    op.execute("UPDATE login_attempt SET factor = 'password' WHERE outcome = 'in'")


def protect():
    """Let the database itself keep the log: whoever rebuilds the table on SQLite makes these triggers again."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION login_attempt_stays() RETURNS trigger LANGUAGE plpgsql AS $$"
            f" BEGIN RAISE EXCEPTION '{WORDS}' USING ERRCODE = 'integrity_constraint_violation'; END $$"
        )
        for event, each in (("UPDATE OR DELETE", "ROW"), ("TRUNCATE", "STATEMENT")):
            name = f"login_attempt_stays_{each.lower()}"
            op.execute(
                f"CREATE TRIGGER {name} BEFORE {event} ON login_attempt"
                f" FOR EACH {each} EXECUTE FUNCTION login_attempt_stays()"
            )
            op.execute(f"ALTER TABLE login_attempt ENABLE ALWAYS TRIGGER {name}")
        return
    for name, event, when in (
        ("login_attempt_stays", "UPDATE", "1"),
        ("login_attempt_is_not_deleted", "DELETE", "1"),
        (
            "login_attempt_is_not_replaced",
            "INSERT",
            "EXISTS (SELECT 1 FROM login_attempt WHERE id = NEW.id)",
        ),
    ):
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {event} ON login_attempt FOR EACH ROW WHEN {when}"
            f" BEGIN SELECT RAISE(ABORT, '{WORDS}'); END"
        )


def downgrade():
    if op.get_bind().dialect.name == "postgresql":
        for each in ("row", "statement"):
            op.execute(f"DROP TRIGGER login_attempt_stays_{each} ON login_attempt")
        op.execute("DROP FUNCTION login_attempt_stays()")
    else:
        for name in ("stays", "is_not_deleted", "is_not_replaced"):
            op.execute(f"DROP TRIGGER login_attempt_{name}")
    op.drop_table("login_puzzle")
    op.drop_index("ix_login_attempt_address_at", "login_attempt")
    op.drop_index("ix_login_attempt_unit", "login_attempt")
    for name in ("person_name", "unit_id", "unit_name", "factor"):
        op.drop_column("login_attempt", name)
    op.drop_index("ix_ab_user_certificate_serial", "ab_user")
    for name in ("certificate_serial", "factor_secret", "factor_at", "factor_step", "recovery_codes"):
        op.drop_column("ab_user", name)
