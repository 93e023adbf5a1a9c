"""培训学员信息管理."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _

from app.kit.declaration import Shown
from app.kit.hung import Hung
from app.kit.view import RecordView
from app.models.trainee import Trainee


class TraineeView(Hung, RecordView):
    """The trainees of classes of the unit and of what subordinates have reported: a tab of the class, and a list (3.13)."""

    model = Trainee
    right = "技能培训"
    list_title = _("培训学员信息")
    columns = (
        "full_name",
        "gender",
        "id_card_no",
        "education",
        "trainee_category",
        "certificate",
        "class_id",
    )
    shown = {"certificate": Shown(_("证书"), lambda trainee: trainee.certificate)}
    sheet = (
        (_("所属培训班"), ("class_id",)),
        (
            _("学员"),
            (
                "full_name",
                "id_card_no",
                "gender",
                "birth_date",
                "education",
                "trainee_category",
                "employer_name",
                "phone",
            ),
        ),
        (
            _("培训结果"),
            ("has_certificate", "certificate_name", "certificate_level", "is_employed", "remarks"),
        ),
    )
    conditions = (
        "full_name",
        "id_card_no",
        ("training_class.topic", _("培训主题")),
        ("training_class.session", _("培训班次")),
        "trainee_category",
        "education",
        "has_certificate",
        "is_employed",
    )
    tab_label, addressed = _("培训学员"), ("class_id",)
    eager = ("owner_unit", "training_class")
    eager_columns = {"training_class": ("topic", "session", "owner_unit_id", "owner_path", "holder_depth")}
    can_import, import_into, measure_word = True, "class_id", _("人")
    import_hints = (
        RecordView.import_hints[0],
        _("本班已有而内容不同的，改成文件里的内容；不勾选时，这样的行会退回"),
    )
    add_label = _("增加新的学员信息")
    delete_label = _("删除选中的学员信息")
    empty_words = _("还没有学员信息。打开培训班，在「培训学员」页签增加，或导入Excel。")

    def home(self, record: Any = None) -> str:
        """Who was deleted stood among the others of the class."""
        return super().home() if record is None else self.landing(record)
