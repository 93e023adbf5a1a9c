"""Skills training: institutions, their classes, and who was trained (REC-22, REC-23, REC-24).

Before: nothing. Now: ``training_institution``, ``training_class`` under it, and ``trainee``, which goes with its class.
Downgrade loses all three; their history stays.
"""

import sqlalchemy as sa
from alembic import op

from app.migrations.tables import create_records, drop_records, points_at

revision, down_revision = "0018", "0017"
branch_labels = depends_on = None


def upgrade():
    create_records(
        "training_institution",
        sa.Column("registered_on", sa.Date(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("staff_count", sa.Integer(), nullable=True),
        sa.Column("qualification", sa.String(length=200), nullable=True),
        sa.Column("is_accredited", sa.Boolean(), nullable=True),
        sa.Column("has_subsidy", sa.Boolean(), nullable=True),
        sa.Column("contact_name", sa.String(length=50), nullable=True),
        sa.Column("contact_phone", sa.String(length=30), nullable=True),
        sa.Column("address", sa.String(length=200), nullable=True),
        sa.Column("remarks", sa.Text(), nullable=True),
        sa.UniqueConstraint("owner_unit_id", "name", name="uq_training_institution_owner_unit_id_name"),
        reportable=True,
    )
    create_records(
        "training_class",
        sa.Column("institution_id", sa.Integer(), nullable=False),
        sa.Column("trainee_count", sa.Integer(), nullable=False),
        sa.Column("session", sa.String(length=30), nullable=False),
        sa.Column("training_type", sa.String(length=30), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("topic", sa.String(length=100), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.CheckConstraint("ends_on >= starts_on", name=op.f("ck_training_class_ends_after_it_starts")),
        points_at("training_class", "institution_id", "training_institution"),
        reportable=True,
    )
    op.create_index("ix_training_class_institution_id", "training_class", ["institution_id"])
    create_records(
        "trainee",
        sa.Column("class_id", sa.Integer(), nullable=False),
        sa.Column("full_name", sa.String(length=50), nullable=False),
        sa.Column("id_card_no", sa.String(length=18), nullable=False),
        sa.Column("gender", sa.String(length=30), nullable=False),
        sa.Column("birth_date", sa.Date(), nullable=False),
        sa.Column("education", sa.String(length=30), nullable=True),
        sa.Column("trainee_category", sa.String(length=30), nullable=False),
        sa.Column("employer_name", sa.String(length=100), nullable=True),
        sa.Column("phone", sa.String(length=30), nullable=True),
        sa.Column("has_certificate", sa.Boolean(), nullable=True),
        sa.Column("certificate_name", sa.String(length=100), nullable=True),
        sa.Column("certificate_level", sa.String(length=30), nullable=True),
        sa.Column("is_employed", sa.Boolean(), nullable=True),
        sa.Column("remarks", sa.Text(), nullable=True),
        points_at("trainee", "class_id", "training_class"),
        sa.UniqueConstraint("class_id", "id_card_no", name="uq_trainee_class_id_id_card_no"),
        owned=True,
    )
    op.create_index("ix_trainee_id_card_no", "trainee", ["id_card_no"])
    op.create_index("ix_trainee_owner_path", "trainee", ["owner_path"])


def downgrade():
    for table in ("trainee", "training_class", "training_institution"):
        drop_records(table)
