"""Tables, their rules and their capabilities; importing this package maps them all."""

from app.kit import attachments, claims, digest, drafts, history, jobs, workflow  # noqa: F401 - the kit's own tables
from app.kit.database import index_owners, never_reuse_ids
from app.models import (  # noqa: F401
    account,
    aid,
    aid_centre,
    aid_doubt,
    aid_measure,
    archive,
    assignment,
    briefing,
    code_table,
    code_value,
    consultation,
    employer,
    export_application,
    family_member,
    fund_entry,
    fund_summary,
    fund_summary_line,
    job_agency,
    job_position,
    job_seeker,
    legal_aid,
    likeness,
    list_preference,
    login_attempt,
    notice,
    password_issue,
    petition,
    policy_document,
    recommendation,
    reminder,
    saved_query,
    trainee,
    training_class,
    training_institution,
    unit,
)

never_reuse_ids()
index_owners()
