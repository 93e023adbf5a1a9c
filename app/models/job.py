"""后台任务: the kit runs them; here they have their room."""

from app.kit.jobs import Job

__all__ = ["Job"]
