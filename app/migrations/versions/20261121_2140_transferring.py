"""Units: moving a subtree."""

revision, down_revision = "0009", "0008"
branch_labels = depends_on = None


def upgrade():
    pass


def downgrade():
    pass
