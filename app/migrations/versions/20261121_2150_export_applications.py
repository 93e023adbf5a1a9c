"""Export applications."""

revision, down_revision = "0010", "0009"
branch_labels = depends_on = None


def upgrade():
    pass


def downgrade():
    pass
