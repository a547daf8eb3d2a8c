//! Comments.

use serde_json::{Value, json};

use super::{metadata, user};
use crate::call::{ResponseView, time};
use crate::protocol::fields::{Object, Selection};
use crate::world::collections::Comment;
use crate::world::video::Video;

pub(crate) fn comment(
    view: &ResponseView<'_>,
    video: &Video,
    comment: &Comment,
    selection: &Selection,
) -> Value {
    let uri = format!("/videos/{}/comments/{}", video.id, comment.id);
    let replies = || video.comments.iter().filter(|reply| reply.reply_to == Some(comment.id));
    let author = view.state.users.get(&comment.author);
    Object::new(selection)
        .put("uri", uri.as_str())
        .put("type", "video")
        .put("text", comment.text.as_str())
        .put("created_on", time(comment.created))
        .with_if(comment.edited.is_some(), "last_edited_on", |_| comment.edited.map_or(Value::Null, time))
        .put("link", format!("https://vimeo.com/{}#comment_{}", video.id, comment.id))
        .with("user", |selection| author.map_or(Value::Null, |author| user::user(view, author, selection)))
        .with("metadata", |_| {
            let person =
                author.map(|author| json!({"uri": author.uri(), "name": author.name, "link": author.link()}));
            let replies = metadata::list(&format!("{uri}/replies"), &["GET", "POST"], replies().count());
            json!({"connections": {"replies": replies, "user": person}})
        })
        .with_if(comment.reply_to.is_none(), "replies", |selection| {
            replies().map(|reply| self::comment(view, video, reply, selection)).collect()
        })
        .put("resource_key", comment.resource_key.as_str())
        .build()
}
