#include "library/readers/sealed.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <new>

#include "base/limits.h"
#include "library/readers/child.h"
#include "library/readers/layout.h"

namespace freehold::papers {
namespace {

// A paper as bytes between the processes: counts as 8 bytes, texts with their length before them.
struct Writer {
  std::string out;
  void number(uint64_t value) { out.append(reinterpret_cast<const char*>(&value), sizeof value); }
  void text(std::string_view value) { number(value.size()), out.append(value); }
};
struct Taker {
  std::string_view left;
  bool good = true;
  uint64_t number() {
    uint64_t value = 0;
    if (left.size() < sizeof value) return good = false, 0;
    std::memcpy(&value, left.data(), sizeof value);
    left.remove_prefix(sizeof value);
    return value;
  }
  std::string text() {
    const uint64_t size = number();
    if (!good || size > left.size()) return good = false, "";
    const std::string value(left.substr(0, size));
    left.remove_prefix(size);
    return value;
  }
  uint64_t count() {  // of things that take 8 bytes at least
    const uint64_t value = number();
    if (value > left.size() / 8) return good = false, 0;
    return value;
  }
};

std::string packed(const Result<Paper>& result) {
  Writer w;
  w.number(result ? 1 : 0);
  if (!result) {
    w.number(static_cast<uint64_t>(result.error().fault)), w.text(result.error().what);
    return w.out;
  }
  w.text(result->title), w.text(result->read_as);
  w.number(result->notes.size());
  for (const std::string& note : result->notes) w.text(note);
  w.number(result->passages.size());
  for (const Passage& p : result->passages) w.text(p.place), w.text(p.heading), w.text(p.text);
  w.number(result->grids.size());
  for (const Grid& grid : result->grids) {
    w.text(grid.place), w.text(grid.title), w.number(grid.rows.size());
    for (const GridRow& row : grid.rows) {
      w.text(row.place), w.number(row.cells.size());
      for (const Cell& cell : row.cells) w.number(cell.exact), w.text(cell.text);
    }
  }
  return w.out;
}

Result<Paper> unpacked(std::string_view bytes, std::string_view name) {
  Taker t{bytes};
  if (t.number() != 1) {
    const uint64_t fault = t.number();
    const std::string what = t.text();
    if (!t.good || fault > static_cast<uint64_t>(Fault::cancelled))
      return malformed("{}: its reader ended without an answer", name);
    return failure(static_cast<Fault>(fault), printable(what, 1000));
  }
  Paper paper;
  paper.title = t.text(), paper.read_as = t.text();
  for (uint64_t n = t.count(); t.good && n > 0; --n) paper.notes.push_back(t.text());
  for (uint64_t n = t.count(); t.good && n > 0; --n) {
    Passage p;
    p.place = t.text(), p.heading = t.text(), p.text = t.text();
    paper.passages.push_back(std::move(p));
  }
  for (uint64_t n = t.count(); t.good && n > 0; --n) {
    Grid grid;
    grid.place = t.text(), grid.title = t.text();
    for (uint64_t rows = t.count(); t.good && rows > 0; --rows) {
      GridRow row;
      row.place = t.text();
      for (uint64_t cells = t.count(); t.good && cells > 0; --cells) {
        Cell cell;
        cell.exact = t.number() == 1, cell.text = t.text();
        row.cells.push_back(std::move(cell));
      }
      grid.rows.push_back(std::move(row));
    }
    paper.grids.push_back(std::move(grid));
  }
  if (!t.good || !t.left.empty()) return malformed("{}: its reader's answer is not whole", name);
  return paper;
}

Result<Paper> read_file_paper(std::string_view name, std::string_view bytes) { return read_paper(name, bytes); }
Result<Paper> read_boxes(std::string_view name, std::string_view bytes) { return read_word_boxes(bytes, name); }
Result<Paper> read_ocr(std::string_view name, std::string_view bytes) { return read_ocr_table(bytes, name); }

bool is_picture(std::string_view bytes) {
  return bytes.starts_with("\x89PNG\r\n") || bytes.starts_with("\xff\xd8\xff") || bytes.starts_with("II*\0") ||
         bytes.starts_with(std::string_view("MM\0*", 4));
}

}  // namespace

Result<Paper> run_sealed(std::string_view name, Result<Paper> (*work)(std::string_view, std::string_view),
                         std::string_view bytes) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return out_of_resources("{}: no file handles left", name);
  const pid_t child = fork();
  if (child == 0) {
    if (dup2(ends[1], 3) < 0) _exit(126);
    syscall(SYS_close_range, 4U, ~0U, 0U);
    for (int handle = 0; handle < 3; ++handle) ::close(handle);
    signal(SIGPIPE, SIG_DFL), signal(SIGINT, SIG_IGN);
    setenv("TZ", "UTC0", 1), tzset();  // so that no reader looks for the place's time zone
    limit_this_process(limits::reader_memory, limits::reader_seconds);
    if (!seal_this_process(Seal::compute)) _exit(125);
    std::string out;
    try {
      out = packed(work(name, bytes));
    } catch (const std::bad_alloc&) {
      _exit(124);
    }
    for (size_t at = 0; at < out.size();) {
      const ssize_t n = ::write(3, out.data() + at, out.size() - at);
      if (n <= 0) _exit(123);
      at += static_cast<size_t>(n);
    }
    _exit(0);
  }
  ::close(ends[1]);
  if (child < 0) return ::close(ends[0]), out_of_resources("{}: no process could be started", name);
  const ChildOutput out = output_of(child, ends[0], limits::reader_seconds, limits::reader_output_bytes);
  if (out.too_long || (WIFSIGNALED(out.status) && WTERMSIG(out.status) == SIGXCPU))
    return out_of_resources("{}: took longer than {} s to read", name, limits::reader_seconds);
  if (out.too_much) return out_of_resources("{}: holds more than {} bytes of text", name, limits::reader_output_bytes);
  if (WIFSIGNALED(out.status) && WTERMSIG(out.status) == SIGSYS)
    return malformed("{}: its reader asked for what readers may not do; stopped", name);
  if (WIFSIGNALED(out.status)) return malformed("{}: its reader ended by signal {}", name, WTERMSIG(out.status));
  if (WEXITSTATUS(out.status) == 124)
    return out_of_resources("{}: takes more than {} bytes of memory to read", name, limits::reader_memory);
  if (WEXITSTATUS(out.status) == 125)
    return unsupported("{}: the kernel has no seccomp, without which papers are not read", name);
  if (WEXITSTATUS(out.status) != 0) return malformed("{}: its reader ended with {}", name, WEXITSTATUS(out.status));
  return unpacked(out.bytes, name);
}

Result<Paper> read_paper_sealed(std::string_view name, std::string_view bytes, const Programs& programs) {
  if (bytes.size() > limits::paper_bytes) return run_sealed(name, read_file_paper, bytes.substr(0, 0));
  const bool pdf = bytes.substr(0, 1024).find("%PDF-") != std::string_view::npos;
  if (!pdf && !is_picture(bytes)) return run_sealed(name, read_file_paper, bytes);
  if (!pdf) {
    TRY_ASSIGN(const std::string table, programs(Job::picture_words, 0, bytes, name));
    return run_sealed(name, read_ocr, table);
  }
  TRY_ASSIGN(const std::string boxes, programs(Job::pdf_words, 0, bytes, name));
  TRY_ASSIGN(Paper paper, run_sealed(name, read_boxes, boxes));
  if (!paper.grids.empty() || !paper.passages.empty()) return paper;
  if (!is_installed(Job::picture_words) || !is_installed(Job::pdf_page))
    return unsupported("{}: a PDF without a text layer, and no tesseract and pdftoppm here to read its pictures", name);
  size_t pages = 0;
  for (size_t at = 0; (at = boxes.find("<page ", at)) != std::string::npos; ++at) ++pages;
  std::string table;
  for (size_t page = 1; page <= std::min<size_t>(pages, limits::ocr_pages); ++page) {
    TRY_ASSIGN(const std::string picture, programs(Job::pdf_page, static_cast<int>(page), bytes, name));
    TRY_ASSIGN(std::string words, programs(Job::picture_words, 0, picture, name));
    for (size_t at = 0; (at = words.find("\n5\t1\t", at)) != std::string::npos; ++at)
      words.replace(at, 5, fmt::format("\n5\t{}\t", page));
    table += words;
  }
  auto read = run_sealed(name, read_ocr, table);
  if (read) {
    read->read_as = "PDF without text, " + read->read_as;
    if (pages > limits::ocr_pages)
      read->notes.push_back(fmt::format("only the first {} of {} pages", limits::ocr_pages, pages));
  }
  return read;
}

}  // namespace freehold::papers
