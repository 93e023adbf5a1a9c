"""Tables, their rules and their capabilities; importing this package maps them all."""

from app.kit import attachments, claims, drafts, history, jobs, workflow  # noqa: F401 - the kit's own tables
from app.kit.database import never_reuse_ids
from app.models import (  # noqa: F401
    account,
    archive,
    assignment,
    code_table,
    code_value,
    export_application,
    family_member,
    likeness,
    list_preference,
    login_attempt,
    reminder,
    saved_query,
    unit,
)

never_reuse_ids()
