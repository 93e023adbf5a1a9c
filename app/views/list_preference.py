"""自定义显示选项: every person chooses what the lists show him (aid.md 3.16)."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

from flask import flash, request, url_for
from flask_appbuilder import expose
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from app.kit import formpage, optionspage, preferences, scope
from app.kit.access import needs
from app.kit.face import back_to, leave, render
from app.kit.optionspage import Desk
from app.kit.preferences import ListPreference
from app.kit.view import RecordView


class ListPreferenceView(RecordView):
    """The person's own display options, one record a list (AID-R113)."""

    model = ListPreference
    list_title = _("显示选项")
    columns = ("list_key", "columns", "sort_column", "sort_direction", "page_size")
    sheet = ((_("显示选项"), ("list_key", "columns", "sort_column", "sort_direction", "page_size")),)
    can_print = False
    has_add_form = has_edit_form = False
    is_tickable = False
    empty_words = _("您还没有保存过显示选项，各列表按默认项目显示。")

    @expose("/options")
    @needs("read")
    def choose(self) -> Any:
        """The page of one list: what is stored, or the built-in columns."""
        who = scope.actor()
        return self._page(optionspage.desk(self.session, who, self._key(request.args)))

    @expose("/options", methods=["POST"])
    @needs("write")
    def keep(self) -> Any:
        """Save what was chosen; a wrong value is told on the page, with everything else as it was typed."""
        who, typed = scope.actor(), self._typed(request.form)
        at = optionspage.desk(self.session, who, self._key(request.form))
        if formpage.kept(self.session, at.wish, typed | {"list_key": at.key}, who):
            return self._page(optionspage.tried(who, at.key, typed)), 422
        flash(gettext("「%(list)s」的显示选项保存成功", list=str(at.view.title_of(at.shelf))), "success")
        return leave(self._back(at))

    @expose("/preview")
    @needs("read")
    def preview(self) -> Any:
        """效果预览: the first rows as what is chosen would show them; nothing is stored (AID-R115)."""
        who, typed = scope.actor(), self._typed(request.args)
        at = optionspage.tried(who, self._key(request.args), typed)
        return render("kit/_preview.html", optionspage.preview(self.session, who, at))

    @expose("/clear", methods=["POST"])
    @needs("write")
    def clear(self) -> Any:
        """恢复默认: the list as it was built (AID-R114)."""
        who = scope.actor()
        at = optionspage.desk(self.session, who, self._key(request.args))
        if optionspage.clear(self.session, who, at):
            flash(gettext("「%(list)s」已恢复默认显示", list=str(at.view.title_of(at.shelf))), "success")
        return leave(url_for("list_preference.choose", list=at.key))

    def _page(self, at: Desk) -> Any:
        urls = {
            "save": self.url("choose"),
            "preview": self.url("preview"),
            "clear": url_for("list_preference.clear", list=at.key),
            "back": self._back(at),
        }
        return render("kit/options.html", optionspage.build(self.session, scope.actor(), at, urls))

    def _back(self, at: Desk) -> str:
        """The list, with the question that the person came from."""
        home = at.view.url("list") + (f"?shelf={at.shelf.name}" if at.shelf else "")
        came = urlsplit(back_to(home))
        shelf = dict(parse_qsl(came.query)).get("shelf", "")
        place = preferences.key_meant(f"{at.view.resource}:{shelf}" if shelf else at.view.resource)
        found = preferences.listed(place, scope.actor())
        is_here = came.path == at.view.url("list") and found and at.view.list_key(found[1]) == at.key
        return came.geturl() if is_here else home

    @staticmethod
    def _key(args: Any) -> str:
        """The list that is meant; a module's name means its first list."""
        return preferences.key_meant(str(args.get("list_key") or args.get("list") or ""))

    @staticmethod
    def _typed(args: Any) -> dict[str, Any]:
        """A form of display options as typed values."""
        names = ("sort_column", "sort_direction", "page_size", "version")
        return {name: args[name] for name in names if name in args} | {"columns": args.getlist("columns")}
