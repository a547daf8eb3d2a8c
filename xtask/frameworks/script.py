"""The model's side of the conversation, as a script: it reads what the tools answered, and decides what to call next."""

import json

TASK = "Today is 2026-02-10. Find my videos of this month and put them into a new showcase."
MONTH = "2026-02"


def next_step(answers: list[str]) -> tuple[str, dict] | str:
    """Returns the next tool call, or the final answer, after the tools' `answers` so far (their text, as a model reads it)."""
    assert not any("category" in json.loads(answer) for answer in answers), answers
    if not answers:
        return "vimeo_my_videos_list", {"sort": "date", "direction": "desc", "per_page": 25}
    videos = [
        item["id"] for item in json.loads(answers[0])["items"] if item["created_time"].startswith(MONTH)
    ]
    if len(answers) == 1:
        return "vimeo_showcase_create", {"name": "Videos of this month"}
    showcase = json.loads(answers[1])
    added = len(answers) - 2
    if added < len(videos):
        return "vimeo_showcase_video_add", {"showcase_id": showcase["id"], "video_id": videos[added]}
    return f"{added} videos are in {showcase['link']}"
