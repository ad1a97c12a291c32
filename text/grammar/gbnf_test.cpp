#include "text/grammar/gbnf.h"

#include "text/grammar/testing.h"

namespace freehold {
namespace {

std::string fault_of(std::string_view text) {
  Result<Grammar> grammar = gbnf_grammar(text);
  if (!grammar) return grammar.error().what;
  Result<Program> program = Program::compile(*grammar);
  return program ? "none" : program.error().what;
}

TEST(Gbnf, texts_classes_choices_and_repetitions) {
  expect_texts(gbnf_grammar("root ::= \"yes\" | \"no\""), {"yes", "no"}, {"", "ye", "yesno", "Yes"});
  expect_texts(gbnf_grammar("root ::= [a-c]+ [^a-z0-9] \"\\x41\" \"\\u00e9\"? [\\]\\-]*"), {"a!A", "abc-Aé", "a Aé]-]"},
               {"!A", "aaA", "a!B", "a!Aéé"});
  expect_texts(gbnf_grammar("root ::= \"a\"{2} \"b\"{1,} \"c\"{0,2}"), {"aab", "aabbbbc", "aabcc"},
               {"ab", "aa", "aabccc"});
  expect_texts(gbnf_grammar("root ::= . . ."), {"abc", "日本\n"}, {"ab", "日本"});
}

TEST(Gbnf, rules_over_lines_and_comments) {
  expect_texts(gbnf_grammar("# a list\nroot ::= item (\n  \",\" # more\n  item\n)*\nitem ::= digit+ |\n  \"x\"\n"
                            "ws ::= | \" \"\ndigit ::= [0-9]"),
               {"1", "12,x,3"}, {"", "1,", "1 ,2"});
  expect_texts(gbnf_grammar("root ::= empty \"a\"\nempty ::=\nother ::= empty"), {"a"}, {"", "aa"});
  expect_texts(gbnf_grammar("root ::= \"a\"\n  | \"b\"\n  | \"c\" tail\ntail ::= \"d\" |\n"), {"a", "b", "c", "cd"},
               {"d"});
}

TEST(Gbnf, rules_call_themselves) {
  expect_texts(gbnf_grammar("root ::= \"(\" root \")\" root | \"\""), {"", "()", "(())()", "((((()))))"},
               {"(", ")(", "(()"});
  // Right recursion does not pile up.
  const std::string many(200'000, 'a');
  EXPECT_TRUE(Fits(gbnf_grammar("root ::= \"a\" root | \"b\"")).whole(many + "b"));
}

TEST(Gbnf, the_grammar_of_arithmetic) {
  const char* const text = R"x(root  ::= (expr "=" ws term "\n")+
expr  ::= term ([-+*/] term)*
term  ::= ident | num | "(" ws expr ")" ws
ident ::= [a-z] [a-z0-9_]* ws
num   ::= [0-9]+ ws
ws    ::= [ \t\n]*)x";
  expect_texts(gbnf_grammar(text), {"1+2=3\n", "(a +1) *b_2 = c\n\n", "1=1\n2=2\n"},
               {"1+=3\n", "(1=1\n", "1=1", "1 + 2=3\n"});
}

TEST(Gbnf, faults_are_named) {
  for (const auto& [text, part] : {std::pair{"", "no rule called root"},
                                   {"root = \"a\"", "::="},
                                   {"root ::= \"a", "end of the text"},
                                   {"root ::= x", "rule x is called, but not defined"},
                                   {"root ::= \"a\"\nroot ::= \"b\"", "defined twice"},
                                   {"root ::= (\"a\"", "')'"},
                                   {"root ::= \"a\")", "end of the rule"},
                                   {"root ::= [z-a]", "range"},
                                   {"root ::= \"\\q\"", "escape"},
                                   {"root ::= \"\\ud800\"", "character"},
                                   {"root ::= \"a\"{3,2}", "not below"},
                                   {"root ::= \"a\"{,3}", "number"},
                                   {"root ::= \"a\"{99999}", "10000 times"},
                                   {"root ::= <think>", "tokens"},
                                   {"root ::= root \"a\" | \"b\"", "rule root calls itself"},
                                   {"root ::= a\na ::= b? c\nb ::= \"x\"\nc ::= root | \"y\"", "calls itself"},
                                   {"root ::= \"a\" root", "no finite text"},
                                   {"root ::= []", "no finite text"}})
    EXPECT_NE(fault_of(text).find(part), std::string::npos) << text << ": " << fault_of(text);
  const std::string deep = std::string("root ::= ") + std::string(100'000, '(');
  EXPECT_NE(fault_of(deep).find("nested"), std::string::npos);
}

}  // namespace
}  // namespace freehold
