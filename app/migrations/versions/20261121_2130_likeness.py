"""Archive: pairs that may be one household."""

revision, down_revision = "0008", "0007"
branch_labels = depends_on = None


def upgrade():
    pass


def downgrade():
    pass
