"""Tables, their rules and their capabilities; importing this package maps them all."""

from app.kit import attachments, claims, drafts, history, jobs, workflow  # noqa: F401 - the kit's own tables
from app.kit.database import index_owners, never_reuse_ids
from app.models import (  # noqa: F401
    account,
    aid,
    aid_doubt,
    aid_measure,
    archive,
    assignment,
    code_table,
    code_value,
    consultation,
    export_application,
    family_member,
    fund_entry,
    fund_summary,
    fund_summary_line,
    legal_aid,
    likeness,
    list_preference,
    login_attempt,
    petition,
    reminder,
    saved_query,
    unit,
)

never_reuse_ids()
index_owners()
