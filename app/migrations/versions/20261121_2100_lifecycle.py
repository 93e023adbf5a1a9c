"""Archive: who cancelled a file, and for which unit."""

revision, down_revision = "0005", "0004"
branch_labels = depends_on = None


def upgrade():
    pass


def downgrade():
    pass
