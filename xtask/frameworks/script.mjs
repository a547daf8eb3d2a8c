// The model's side of the conversation, as a script: the same as script.py.
import assert from "node:assert/strict";

export const TASK = "Today is 2026-02-10. Find my videos of this month and put them into a new showcase.";
const MONTH = "2026-02";

/** Returns the next tool call, or the final answer, after the tools' answers so far (their text, as a model reads it). */
export function nextStep(answers) {
  for (const answer of answers) assert(!("category" in JSON.parse(answer)), answer);
  if (answers.length === 0) {
    return ["vimeo_my_videos_list", { sort: "date", direction: "desc", per_page: 25 }];
  }
  const videos = JSON.parse(answers[0]).items.filter((item) => item.created_time.startsWith(MONTH)).map((item) => item.id);
  if (answers.length === 1) return ["vimeo_showcase_create", { name: "Videos of this month" }];
  const showcase = JSON.parse(answers[1]);
  const added = answers.length - 2;
  if (added < videos.length) {
    return ["vimeo_showcase_video_add", { showcase_id: showcase.id, video_id: videos[added] }];
  }
  return `${added} videos are in ${showcase.link}`;
}
