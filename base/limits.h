// Caps on everything that a file or a request can claim. One place; `freehold --limits` prints them.
#pragma once

#include <cstdint>

namespace freehold::limits {

inline constexpr uint64_t gguf_keys = 65'536;
inline constexpr uint64_t gguf_tensors = 1'048'576;
inline constexpr uint64_t gguf_tensor_name_bytes = 64;
inline constexpr uint64_t gguf_dimensions = 4;
inline constexpr uint64_t gguf_shards = 1'000;
inline constexpr uint64_t key_bytes = 65'535;
inline constexpr uint64_t string_bytes = 64ull << 20;
inline constexpr uint64_t array_elements = 16'777'216;
inline constexpr int array_nesting = 8;
inline constexpr uint64_t config_array_elements = 4'096;    // a longer GGUF array is no part of the configuration
inline constexpr uint64_t config_elements = 262'144;        // those of all such arrays of a file together
inline constexpr uint64_t config_json_bytes = 2ull << 20;   // config.json
inline constexpr uint64_t alignment_least = 8;
inline constexpr uint64_t alignment_most = 1ull << 20;

inline constexpr uint64_t shards = 1'000;  // of a Hugging Face folder
inline constexpr uint64_t safetensors_header_bytes = 100'000'000;
inline constexpr uint64_t tensor_name_bytes = 255;
inline constexpr uint64_t dimensions = 8;
inline constexpr uint64_t tensor_elements = 1ull << 48;

inline constexpr uint64_t json_bytes = 256ull << 20;
inline constexpr int json_nesting = 64;

inline constexpr int64_t layers = 4'096;
inline constexpr int64_t experts = 4'096;
inline constexpr int64_t heads = 4'096;
inline constexpr int matrices = 1'000'000;  // of a model, every expert's counted
inline constexpr int64_t vocabulary = 4'194'304;
inline constexpr uint64_t merges = 8'388'608;
inline constexpr uint64_t token_bytes = 65'535;
inline constexpr uint64_t added_token_bytes = 1'024;
inline constexpr uint64_t token_piece_bytes = 8ull << 20;  // of one BPE piece; longer ones are cut there
inline constexpr uint64_t tokenizer_steps = 64;            // normalizers, pre-tokenizers
inline constexpr int64_t context = 16'777'216;
inline constexpr int64_t width = 1 << 20;  // any of hidden, head, feed-forward sizes

inline constexpr uint64_t template_bytes = 1ull << 20;
inline constexpr int template_nesting = 100;
inline constexpr uint64_t template_steps = 2'000'000;
inline constexpr uint64_t template_output_bytes = 8ull << 20;
inline constexpr uint64_t template_value_bytes = 32ull << 20;   // one string or list while rendering
inline constexpr uint64_t template_work_bytes = 512ull << 20;   // all of them together, given back or not
inline constexpr int template_depth = 600;                      // expressions, statements and macros inside each other
inline constexpr int template_value_nesting = 100;              // lists and maps inside each other

inline constexpr int tool_calls = 128;                        // in one answer
inline constexpr uint64_t tool_name_bytes = 256;
inline constexpr uint64_t tool_argument_bytes = 4ull << 20;   // of one call
inline constexpr uint64_t request_head_bytes = 32ull << 10;
inline constexpr uint64_t request_bytes = 16ull << 20;
inline constexpr uint64_t requests_bytes = 256ull << 20;
inline constexpr int connections = 2'048;
inline constexpr uint64_t request_stops = 16;
inline constexpr uint64_t request_stop_bytes = 1'024;
inline constexpr uint64_t request_prompts = 64;
inline constexpr uint64_t prompt_logprobs = 262'144;         // of all prompts of one request
inline constexpr uint64_t embedding_inputs = 2'048;
inline constexpr uint64_t keys = 4'096;                   // of a server, revoked ones counted
inline constexpr uint64_t key_list = 256;                 // models, or labels, of one key
inline constexpr uint64_t key_file_bytes = 64ull << 20;
inline constexpr uint64_t ledger_line_bytes = 64ull << 10;
inline constexpr uint64_t price_file_bytes = 1ull << 20;   // tariff.json, a list of prices of APIs

inline constexpr uint64_t grammar_text_bytes = 1ull << 20;   // of a grammar as it is sent
inline constexpr int grammar_nesting = 64;                   // groups inside each other
inline constexpr uint64_t grammar_rules = 20'000;
inline constexpr int grammar_repetitions = 10'000;           // of {m,n}
inline constexpr uint64_t grammar_bytes = 64ull << 20;       // of its expressions
inline constexpr uint64_t grammar_states = 500'000;
inline constexpr uint64_t grammar_places = 4'096;            // where an answer may stand at the same time
inline constexpr uint64_t grammar_steps = 4'000'000;         // of its machine, for one token
inline constexpr uint64_t grammar_memory = 64ull << 20;      // what it remembers of them
inline constexpr int grammars = 32;                          // that a server keeps

inline constexpr uint64_t regex_bytes = 16'384;
inline constexpr uint64_t regex_match_steps = 10'000'000;

inline constexpr uint64_t paper_bytes = 64ull << 20;      // one file of a library
inline constexpr uint64_t passage_bytes = 1ull << 20;     // one passage of it
inline constexpr uint64_t table_columns = 1'024;
inline constexpr uint64_t table_rows = 2'000'000;
inline constexpr uint64_t table_cells = 10'000'000;
inline constexpr uint64_t archive_entries = 10'000;       // a zip inside xlsx, docx, pptx
inline constexpr uint64_t archive_bytes = 1ull << 30;     // inflated, all entries together
inline constexpr uint64_t archive_ratio = 200;            // inflated to packed
inline constexpr int xml_nesting = 256;
inline constexpr uint64_t mail_parts = 500;
inline constexpr int mail_nesting = 16;
inline constexpr uint64_t pages = 5'000;                          // of a PDF
inline constexpr uint64_t ocr_pages = 20;                         // of a PDF without text
inline constexpr uint64_t reader_memory = 512ull << 20;           // of the process that reads one paper
inline constexpr uint64_t reader_seconds = 30;
inline constexpr uint64_t reader_output_bytes = 512ull << 20;     // of what it makes of the paper
inline constexpr uint64_t reader_program_memory = 1ull << 30;     // of pdftotext, tesseract
inline constexpr uint64_t reader_program_seconds = 60;
inline constexpr uint64_t library_files = 1'000'000;
inline constexpr int folder_nesting = 64;
inline constexpr uint64_t question_bytes = 4'096;
inline constexpr uint64_t question_steps = 200'000'000;   // of SQLite's machine, for one answer

}  // namespace freehold::limits
