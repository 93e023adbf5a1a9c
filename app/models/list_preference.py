"""显示选项: the kit reads them; here they have their room."""

from app.kit.preferences import ListPreference

__all__ = ["ListPreference"]
