"""导入单位和人员: the units of a new province and their people from one workbook."""

from __future__ import annotations

from typing import Any, ClassVar

from flask_babel import lazy_gettext as _

from app.kit.intake import Options
from app.kit.jobs import JobContext
from app.kit.layout import Layout
from app.kit.staging import Stage
from app.models.enrolment import Enrolment, Sheets


class Enrolling:
    """What the import of units says otherwise than usual."""

    can_import: ClassVar[bool] = True
    import_label: ClassVar[Any] = _("单位和人员")
    import_hints: ClassVar[tuple[Any, Any]] = (
        _("一个文件两张工作表：“单位”和“人员”。不用的一张只留表头。"),
        _(
            "单位按上级和名称、人员按登录名认定是已有的；内容不同的，改成文件里的内容（空格不改）。不勾选时，这样的行会退回"
        ),
    )

    def layout(self, *, with_owner: bool = False) -> Layout:
        """单位 and 人员."""
        return Sheets(self)

    def intake(self, ctx: JobContext, stage: Stage, sheets: Any, options: Options) -> Any:
        """Row by row, through the door of the forms."""
        return Enrolment(ctx, stage, sheets, options)
