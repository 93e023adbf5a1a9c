"""Lists: display options and saved queries."""

revision, down_revision = "0006", "0005"
branch_labels = depends_on = None


def upgrade():
    pass


def downgrade():
    pass
