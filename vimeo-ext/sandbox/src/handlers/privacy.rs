//! The domains on which a video may be embedded.

use serde_json::json;

use crate::call::{Answer, Call, Outcome};
use crate::protocol::error::ApiError;

pub(crate) fn domains(call: &mut Call<'_>) -> Outcome {
    let domains: Vec<&String> = call.own_video_to_read()?.embed_domains.iter().collect();
    call.page("domain", &domains, |_, domain, selection| {
        selection.prune(json!({"domain": domain, "allow_hd": true, "uri": format!("https://{domain}")}))
    })
}

pub(crate) fn add_domain(call: &mut Call<'_>) -> Outcome {
    let (domain, now) = (call.params.get("domain").to_owned(), call.now);
    // A host name only: Vimeo does not find domains with a scheme.
    if domain.contains(['/', ':']) {
        return Err(ApiError::not_found("domain"));
    }
    let video = call.own_video()?;
    if video.privacy.embed != "whitelist" {
        return Err(ApiError::forbidden(None, "Domains can be set only if privacy.embed is whitelist."));
    }
    video.embed_domains.insert(domain);
    video.touch(now);
    Ok(Answer::no_content())
}

pub(crate) fn remove_domain(call: &mut Call<'_>) -> Outcome {
    let (domain, now) = (call.params.get("domain").to_owned(), call.now);
    let video = call.own_video()?;
    if !video.embed_domains.remove(&domain) {
        return Err(ApiError::not_found("domain of the video"));
    }
    video.touch(now);
    Ok(Answer::no_content())
}
