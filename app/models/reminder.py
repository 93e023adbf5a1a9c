"""提醒信息: the kit writes them; here they have their room."""

from app.kit.reminders import Reminder

__all__ = ["Reminder"]
