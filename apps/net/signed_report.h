// A report with the signature of its owner: a DSSE envelope in JSON, signed with an ECDSA P-256 key that is made at
// first use and kept in a file of mode 0600. The public half stands beside it (NAME.pub, PEM).
//
//   {"payloadType": ..., "payload": "<base64>", "signatures": [{"keyid": "<SHA-256 of the public PEM>", "sig":
//   "<base64, DER>"}]}
//
// Signed are the bytes "DSSEv1 LENGTH TYPE LENGTH PAYLOAD", lengths in decimal.
#pragma once

#include <string>
#include <string_view>

#include "base/file.h"

namespace freehold {

Result<std::string> signed_envelope(const Path& key, std::string_view type, std::string_view payload);
// The payload, if the public key's signature fits; Fault::integrity if not.
Result<std::string> open_envelope(const Path& public_key, std::string_view type, std::string_view envelope);

}  // namespace freehold
