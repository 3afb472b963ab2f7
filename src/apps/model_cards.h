// What is known of a model's card: for the models known by name what their publishers state, for every folder what its
// own README.md and licence file say. Any thread.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "server/model_card.h"

namespace lode::apps {

// The card of the model in `folder`; reads README.md, config.json and LICENSE where they are. Never fails: what cannot
// be read is not known.
server::ModelCard read_model_card(const std::filesystem::path& folder);

// The languages of a model card's front matter: `language: en`, or a list.
std::vector<std::string> card_languages(std::string_view card);

}  // namespace lode::apps
