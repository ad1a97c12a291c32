// Passages: what most other programs do with papers, to be measured beside ours: the rows and lines whose words are
// rarest among those of the question (BM25, Robertson and Zaragoza 2009) go to a model, which answers from them.
#pragma once

#include <map>

#include "library/answer.h"

namespace freehold::papers {

class Passages {
 public:
  static Result<Passages> load(Database& database);  // before it is restricted to records
  std::vector<std::string> best(std::string_view question, size_t most) const;

 private:
  struct Passage {
    std::string text;
    std::map<std::string, int> words;  // stems, and how often
    size_t length = 0;
  };
  std::vector<Passage> passages_;
  std::map<std::string, size_t> having_;  // stem -> passages that have it
  double mean_length_ = 0;
};

// The model's own answer from the best passages; unchecked.
Result<Answer> answer_from_passages(const Passages& passages, std::string_view question, const Writer& model);

}  // namespace freehold::papers
