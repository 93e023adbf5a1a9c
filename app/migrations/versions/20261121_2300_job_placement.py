"""Job placement: agencies, employers under them, their positions; job seekers and whom they were recommended to.

Before: nothing. Now: ``job_agency`` (REC-17), ``employer`` (REC-18), ``job_position`` (REC-19), ``job_seeker`` (REC-20),
``recommendation`` (REC-21). Parts (positions, recommendations) repeat the owner of what they are parts of. Downgrade
loses all five; their history stays.
"""

import sqlalchemy as sa
from alembic import op

from app.migrations.tables import create_records, drop_records, points_at

revision, down_revision = "0017", "0016"
branch_labels = depends_on = None


def upgrade():
    create_records(
        "job_agency",
        sa.Column("registered_on", sa.Date(), nullable=True),
        sa.Column("staff_count", sa.Integer(), nullable=True),
        sa.Column("name", sa.String(length=100), nullable=True),
        sa.Column("qualification", sa.String(length=200), nullable=True),
        sa.Column("has_subsidy", sa.Boolean(), nullable=True),
        sa.UniqueConstraint("owner_unit_id", "name", name=op.f("uq_job_agency_owner_unit_id_name")),
        reportable=True,
    )
    create_records(
        "employer",
        sa.Column("agency_id", sa.Integer(), nullable=False),
        sa.Column("registered_on", sa.Date(), nullable=True),
        sa.Column("name", sa.String(length=100), nullable=True),
        sa.Column("employer_nature", sa.String(length=30), nullable=True),
        sa.Column("industry", sa.String(length=30), nullable=True),
        sa.Column("address", sa.String(length=200), nullable=True),
        sa.Column("contact_name", sa.String(length=50), nullable=True),
        sa.Column("contact_phone", sa.String(length=30), nullable=True),
        sa.Column("openings_total", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("remarks", sa.Text(), nullable=True),
        points_at("employer", "agency_id", "job_agency"),
        reportable=True,
    )
    op.create_index("ix_employer_agency_id", "employer", ["agency_id"])
    create_records(
        "job_position",
        sa.Column("employer_id", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=100), nullable=True),
        sa.Column("openings", sa.Integer(), nullable=True),
        sa.Column("taken", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("gender_required", sa.String(length=10), nullable=True),
        sa.Column("age_min", sa.Integer(), nullable=True),
        sa.Column("age_max", sa.Integer(), nullable=True),
        sa.Column("education_required", sa.String(length=30), nullable=True),
        sa.Column("skill_level_required", sa.String(length=30), nullable=True),
        sa.Column("work_location", sa.String(length=100), nullable=True),
        sa.Column("salary_min", sa.BigInteger(), nullable=True),
        sa.Column("salary_max", sa.BigInteger(), nullable=True),
        sa.Column("published_on", sa.Date(), nullable=True),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("requirements", sa.Text(), nullable=True),
        sa.Column("remarks", sa.Text(), nullable=True),
        points_at("job_position", "employer_id", "employer"),
        owned=True,
    )
    create_records(
        "job_seeker",
        sa.Column("archive_id", sa.Integer(), nullable=False),
        sa.Column("full_name", sa.String(length=50), nullable=False),
        sa.Column("id_card_no", sa.String(length=18), nullable=False),
        sa.Column("registered_on", sa.Date(), nullable=True),
        sa.Column("education", sa.String(length=30), nullable=True),
        sa.Column("major", sa.String(length=50), nullable=True),
        sa.Column("skill_level", sa.String(length=30), nullable=True),
        sa.Column("skills", sa.String(length=200), nullable=True),
        sa.Column("experience", sa.Text(), nullable=True),
        sa.Column("desired_position", sa.String(length=100), nullable=True),
        sa.Column("desired_salary", sa.BigInteger(), nullable=True),
        sa.Column("desired_location", sa.String(length=100), nullable=True),
        sa.Column("phone", sa.String(length=30), nullable=True),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("is_employed", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("remarks", sa.Text(), nullable=True),
        points_at("job_seeker", "archive_id", "archive"),
        owned=True,
    )
    op.create_index("ix_job_seeker_owner", "job_seeker", ["owner_path", "id"])
    op.create_index("ix_job_seeker_archive_id", "job_seeker", ["archive_id"])
    op.create_index("ix_job_seeker_id_card_no", "job_seeker", ["id_card_no"])
    create_records(
        "recommendation",
        sa.Column("job_seeker_id", sa.Integer(), nullable=False),
        sa.Column("job_position_id", sa.Integer(), nullable=True),
        sa.Column("recommended_on", sa.Date(), nullable=True),
        sa.Column("recommended_to", sa.String(length=100), nullable=True),
        sa.Column("result", sa.String(length=30), nullable=True),
        sa.Column("contact_phone", sa.String(length=30), nullable=True),
        sa.Column("remarks", sa.Text(), nullable=True),
        points_at("recommendation", "job_seeker_id", "job_seeker"),
        points_at("recommendation", "job_position_id", "job_position", ondelete="SET NULL"),
        owned=True,
    )
    for table, column in (
        ("job_position", "employer_id"),
        ("recommendation", "job_seeker_id"),
        ("recommendation", "job_position_id"),
    ):
        op.create_index(f"ix_{table}_{column}", table, [column])
    for table in ("job_position", "recommendation"):
        op.create_index(f"ix_{table}_owner_path", table, ["owner_path"])


def downgrade():
    for table in ("recommendation", "job_seeker", "job_position", "employer", "job_agency"):
        drop_records(table)
