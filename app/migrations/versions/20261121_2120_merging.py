"""Archive: merges that can be undone."""

revision, down_revision = "0007", "0006"
branch_labels = depends_on = None


def upgrade():
    pass


def downgrade():
    pass
