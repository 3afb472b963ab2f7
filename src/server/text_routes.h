// The routes that take texts: POST /v1/embeddings, /v1/tokenize and /v1/similarity. They parse and tokenise on the
// thread that calls, an HTTP one, and hand the rest to the engine; vectors become bodies on HTTP threads again.
#pragma once

#include "server/route_call.h"

namespace lode::server {

void answer_embeddings(RouteCall call);
void answer_tokenize(RouteCall call);
// Cosines of all queries by all passages.
void answer_similarity(RouteCall call);

}  // namespace lode::server
