// Spelling: what a word that nothing explains was meant to be: another word for one that the papers know, or a
// misspelling of one. A word of English is none; nor is a name that is nearly another one: Lundt is not Lund.
#pragma once

#include "library/vocabulary.h"

namespace freehold::papers {

class Spelling {
 public:
  Spelling(const Vocabulary& vocabulary, const Domain& domain);
  std::string synonym(const std::string& typed) const;  // that the library knows; empty: none
  // Empty: nothing that is known. `capital`: it was written as a name.
  std::string meant(const std::string& typed, bool capital) const;

 private:
  std::string swapped(const std::string& typed) const;
  std::string akin(const std::string& typed) const;
  std::optional<int> cost(const std::string& typed, const std::string& known, bool asks) const;

  const Vocabulary& vocabulary_;
  const Domain& domain_;
  std::set<std::string> asking_;   // words of asking
  std::set<std::string> phrases_;  // those that are phrases by themselves
};

}  // namespace freehold::papers
