"""Archive: answers to returned points."""

revision, down_revision = "0011", "0010"
branch_labels = depends_on = None


def upgrade():
    pass


def downgrade():
    pass
