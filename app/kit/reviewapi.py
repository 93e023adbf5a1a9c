"""退回意见 and 与上次上报相比 over REST, for every reportable record type."""

from __future__ import annotations

from typing import Any

from flask import jsonify
from flask_appbuilder.api import expose

from app.kit import reviewpage
from app.kit.apidoor import read_body, secured
from app.kit.errors import Missing
from app.kit.scope import Actor


class ReviewApi:
    """Two resources below a record: ``points`` and ``since``."""

    view: Any
    session: Any

    @expose("/<int:pk>/points", methods=["GET"])
    @secured("read")
    def points(self, who: Actor, pk: int) -> Any:
        """What was returned to or by the caller's unit, with answers and verdicts; the latest first."""
        return jsonify(result=reviewpage.as_json(self._reviewed(pk), who))

    @expose("/<int:pk>/points", methods=["PUT"])
    @secured("read")
    def settle(self, who: Actor, pk: int) -> Any:
        """``{"settled": [true, false, null]}``: which points of the caller's latest 退回 are settled."""
        record = self._reviewed(pk)
        record.settle_points(read_body().get("settled"), who)
        result = reviewpage.as_json(record, who)
        self.session.commit()
        return jsonify(result=result)

    @expose("/<int:pk>/since", methods=["GET"])
    @secured("read")
    def since(self, who: Actor, pk: int) -> Any:
        """What changed since the caller's level last saw the record; ``null`` when it sees it for the first time."""
        record = self._reviewed(pk)
        version = record.last_seen(who)
        if version is None:
            return jsonify(result=None)
        came, went = record.files_since(version)
        diff = [
            {"field": name, "before": old, "after": new}
            for name, old, new in record.difference_since(version)
        ]
        told = {"at": version.at.isoformat(), "diff": diff}
        return jsonify(result=told | {"attachments_added": came, "attachments_removed": went})

    def _reviewed(self, pk: int) -> Any:
        record = self.view.find(pk)
        if not hasattr(record, "rounds"):
            raise Missing
        return record
