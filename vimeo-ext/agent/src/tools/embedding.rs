//! Where a video may be embedded, and the presets of its player.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vimeo_api::{DomainName, types};

use super::error::{BoxedError, invalid};
use super::outputs::{Ack, ApiObject, last_segment, output, time, title, uri};
use super::paging::{list, list_input};
use super::tool::tool;
use super::untrusted::{clean, quoted};
use super::{Detail, Disclosure, Effect, Listing, Toolset, VideoId, VideoItemsListInput};

output! {
    /// A domain on which a video may be embedded.
    pub struct EmbedDomain {
        /// The name of the host.
        pub domain: String,
        optional {
            /// The URI.
            pub uri: Option<String>,
            /// Whether the video plays in HD there.
            pub allow_hd: Option<bool>,
        }
    }
}

impl ApiObject for types::EmbedDomain {
    type Output = EmbedDomain;

    fn fields(_: Detail) -> &'static str {
        "domain,uri,allow_hd"
    }
}

impl From<types::EmbedDomain> for EmbedDomain {
    fn from(domain: types::EmbedDomain) -> Self {
        Self {
            domain: clean(&domain.domain.unwrap_or_default(), 260),
            uri: uri(domain.uri),
            allow_hd: domain.allow_hd,
        }
    }
}

tool! {
    "vimeo_embed_domains_list" EmbedDomainsList(VideoItemsListInput) -> Listing<EmbedDomain> {
        title: "List a video's embed domains",
        description: "Lists the domains that may embed one of the account's videos, for privacy.embed whitelist. Vimeo \
                      refuses with 403 if there are none.",
        scopes: &["public"],
        toolset: Toolset::Player,
    }
    run |context, input| {
        let call = context.api().videos().list_video_embed_domains(&input.video_id).into_call();
        list(context, &Self::SPEC, &input, call).await
    }
}

/// Arguments of [`EmbedDomainAdd`] and [`EmbedDomainRemove`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EmbedDomainInput {
    /// Number, URI or link.
    #[schemars(with = "String")]
    pub video_id: VideoId,
    /// Name such as example.com.
    #[schemars(extend("x-listed" = true))]
    pub domain: String,
}

impl EmbedDomainInput {
    fn name(&self) -> Result<DomainName, BoxedError> {
        self.domain.parse().or_else(|_| {
            invalid(
                "domain",
                "domain is not a domain name; nothing was sent.",
                "Give a name such as example.com.",
            )
        })
    }
}

tool! {
    "vimeo_embed_domain_add" EmbedDomainAdd(EmbedDomainInput) -> Ack {
        title: "Let a domain embed a video",
        description: "Allows a domain to embed one of the account's videos, whose privacy.embed must be whitelist. Needs \
                      approval.",
        scopes: &["edit"],
        effect: Effect::AddOnce,
        discloses: Some(Disclosure::Publish),
        toolset: Toolset::Player,
    }
    disclosure |_, input| {
        let (domain, video) = (quoted(&input.name()?.to_string(), 260), input.video_id.number());
        Ok(Some(format!("let the domain {domain} embed video {video}")))
    };
    run |context, input| {
        let call = context.api().videos().add_video_embed_domain(&input.video_id, input.name()?).into_call();
        context.send_ack(&Self::SPEC, call, "The domain may embed the video.", &input.video_id).await
    }
}

tool! {
    "vimeo_embed_domain_remove" EmbedDomainRemove(EmbedDomainInput) -> Ack {
        title: "Forbid a domain to embed a video",
        description: "Removes a domain from those that may embed one of the account's videos. Players on its pages stop \
                      working.",
        scopes: &["edit"],
        effect: Effect::Overwrite,
        toolset: Toolset::Player,
    }
    run |context, input| {
        let call = context.api().videos().remove_video_embed_domain(&input.video_id, input.name()?).into_call();
        context.send_ack(&Self::SPEC, call, "The domain may no longer embed the video.", &input.video_id).await
    }
}

output! {
    /// An embed preset: settings of the player that videos share.
    pub struct EmbedPreset {
        /// The ID: what other tools take as `preset_id`.
        pub id: String,
        optional {
            /// The URI.
            pub uri: Option<String>,
            /// When it was created, in ISO 8601.
            pub created_on: Option<String>,
        }
        untrusted EmbedPresetText {
            /// The name.
            pub name: Option<String>,
        }
    }
}

impl ApiObject for types::EmbedPreset {
    type Output = EmbedPreset;

    fn fields(_: Detail) -> &'static str {
        "uri,name,created_on"
    }
}

impl From<types::EmbedPreset> for EmbedPreset {
    fn from(preset: types::EmbedPreset) -> Self {
        Self {
            id: last_segment(preset.uri.as_deref()).unwrap_or_default(),
            uri: uri(preset.uri),
            created_on: preset.created_on.map(time),
            untrusted: EmbedPresetText { name: title(preset.name) },
        }
    }
}

list_input! {
    /// Arguments of [`EmbedPresetsList`].
    #[derive(Default)]
    pub struct EmbedPresetsListInput {}
}

tool! {
    "vimeo_embed_presets_list" EmbedPresetsList(EmbedPresetsListInput) -> Listing<EmbedPreset> {
        title: "List my embed presets",
        description: "Lists the account's embed presets: settings of the player that several videos share.",
        scopes: &["public"],
        toolset: Toolset::Player,
        own_text: true,
    }
    run |context, input| {
        list(context, &Self::SPEC, &input, context.api().embed_presets().list_my_embed_presets().into_call()).await
    }
}

/// Arguments of [`EmbedPresetAssign`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EmbedPresetAssignInput {
    /// Number, URI or link.
    #[schemars(with = "String")]
    pub video_id: VideoId,
    /// The preset's ID.
    pub preset_id: u64,
}

tool! {
    "vimeo_embed_preset_assign" EmbedPresetAssign(EmbedPresetAssignInput) -> Ack {
        title: "Give a video an embed preset",
        description: "Applies an embed preset to one of the account's videos, instead of its own player settings. Find \
                      presets with vimeo_embed_presets_list.",
        scopes: &["edit"],
        effect: Effect::Overwrite,
        toolset: Toolset::Player,
    }
    run |context, input| {
        let presets = context.api().embed_presets();
        let call = presets.add_video_embed_preset(&input.video_id, input.preset_id).into_call();
        context.send_ack(&Self::SPEC, call, "The video has the embed preset.", &input.video_id).await
    }
}
