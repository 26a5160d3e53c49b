#include "simt/ptx/text.h"

#include <algorithm>
#include <utility>

#include "common/error.h"

namespace ddpm::simt::ptx {
namespace {

std::string trim(const std::string& text) {
  size_t first = text.find_first_not_of(" \t\r\n");
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  for (size_t i = 0; i < text.size();) {
    size_t first = text.find_first_not_of(" \t\r\n", i);
    if (first == std::string::npos) break;
    i = text.find_first_of(" \t\r\n", first);
    if (i == std::string::npos) i = text.size();
    words.push_back(text.substr(first, i - first));
  }
  return words;
}

void blank_comments(std::string& ptx) {
  for (size_t i = ptx.find("//"); i != std::string::npos; i = ptx.find("//", i))
    while (i < ptx.size() && ptx[i] != '\n') ptx[i++] = ' ';
}

/** Takes out whole lines: sources, which are kept, and what says nothing of what is done. */
void take_lines(std::string& ptx, ModuleText& module) {
  int line = 1;
  for (size_t i = 0; i < ptx.size(); ++line) {
    size_t end = std::min(ptx.find('\n', i), ptx.size());
    std::string text = trim(ptx.substr(i, end - i));
    std::vector<std::string> words = text[0] == '.' ? words_of(text) : std::vector<std::string>();
    std::string first = words.empty() ? "" : words[0];
    // Debugging data end the file, but for the names of files.
    bool rest = first == ".section";
    if (first == ".loc") {
      // Of an inlined function the place that calls it: the last one of the line.
      auto inlined = std::find(words.begin(), words.end(), "inlined_at");
      auto at = inlined == words.end() ? words.begin() : inlined;
      if (words.end() - at > 2) module.sources.push_back({line, std::stoi(at[1]), std::stoi(at[2])});
    } else if (first == ".file" && words.size() > 2) {
      module.files[std::stoi(words[1])] = words[2].substr(1, words[2].size() - 2);
    }
    if (rest) ptx.replace(i, ptx.size() - i, ptx.size() - i, ' ');
    for (const char* word : {".loc", ".file", ".version", ".target", ".address_size"})
      if (first == word) ptx.replace(i, end - i, end - i, ' ');
    i = end + 1;
  }
}

class Splitter {
 public:
  Splitter(const std::string& name, const std::string& ptx) : ptx_(ptx) {
    module_.name = name;
    blank_comments(ptx_);
    take_lines(ptx_, module_);
  }

  ModuleText run() {
    for (std::string head; !(head = read_until(";{")).empty();) {
      bool has_body = ptx_[at_ - 1] == '{';
      bool is_kernel = head.find(".entry") != std::string::npos;
      if (is_kernel || head.find(".func") != std::string::npos) {
        FunctionText function = function_of(head, is_kernel);
        if (!has_body) continue;  // the body comes later
        read_body(function);
        module_.functions.push_back(std::move(function));
      } else if (has_body) {
        head += "{" + read_until("}") + "}";
        read_until(";");
        module_.variables.push_back(declaration_of(head));
      } else if (head.find(".pragma") == std::string::npos) {
        module_.variables.push_back(declaration_of(head));
      }
    }
    return std::move(module_);
  }

 private:
  [[noreturn]] void refuse(const std::string& what) {
    fail(DDPM_INTERNAL_ERROR, "%s:%d: cannot read '%s'", module_.name.c_str(), line_, what.c_str());
  }

  /** The text up to one of the characters, and behind it; line_ is where the text starts. */
  std::string read_until(const char* ends) {
    size_t first = ptx_.find_first_not_of(" \t\r\n", at_);
    if (first == std::string::npos) return "";
    for (; at_ < first; ++at_) newlines_ += ptx_[at_] == '\n';
    line_ = newlines_ + 1;
    size_t end = ptx_.find_first_of(ends, at_);
    if (end == std::string::npos) refuse(trim(ptx_.substr(at_, 40)));
    std::string text = ptx_.substr(at_, end - at_);
    for (; at_ < end + 1; ++at_) newlines_ += ptx_[at_] == '\n';
    // Something, lest it seems the end.
    return trim(text).empty() ? " " : trim(text);
  }

  Declaration declaration_of(const std::string& text) {
    Declaration d;
    d.line = line_;
    std::string rest = text;
    size_t equals = rest.find('=');
    if (equals != std::string::npos) {
      std::string values = trim(rest.substr(equals + 1));
      if (values.front() == '{') values = values.substr(1, values.size() - 2);
      d.values = split_list(values);
      rest.resize(equals);
    }
    std::vector<std::string> words = words_of(rest);
    for (size_t i = 0; i < words.size(); ++i) {
      const std::string& word = words[i];
      if (word == ".align" && i + 1 < words.size()) {
        ++i;
      } else if (word == ".extern") {
        d.is_extern = true;
      } else if (word == ".visible" || word == ".weak" || word == ".ptr") {
        continue;
      } else if (word[0] == '.') {
        (d.space.empty() ? d.space : d.type) = word.substr(1);
      } else {
        d.name += word;
      }
    }
    size_t bracket = d.name.find_first_of("[<");
    if (bracket != std::string::npos) {
      (d.name[bracket] == '[' ? d.is_array : d.is_range) = true;
      std::string count = d.name.substr(bracket + 1);
      d.count = count[0] == ']' ? 0 : std::stoul(count);
      d.name.resize(bracket);
    }
    if (d.type.empty() || d.name.empty()) refuse(text);
    return d;
  }

  /** ".visible .entry name(parameters) ...", ".func (results) name(parameters)". */
  FunctionText function_of(const std::string& head, bool is_kernel) {
    FunctionText f;
    f.is_kernel = is_kernel;
    size_t i = head.find(is_kernel ? ".entry" : ".func") + (is_kernel ? 6 : 5);
    while (i < head.size()) {
      size_t open = head.find('(', i);
      std::string name = trim(head.substr(i, open == std::string::npos ? open : open - i));
      if (f.name.empty()) f.name = name;
      if (open == std::string::npos) break;
      size_t close = head.find(')', open);
      if (close == std::string::npos) refuse(head);
      for (const std::string& item : split_list(head.substr(open + 1, close - open - 1)))
        (f.name.empty() ? f.results : f.parameters).push_back(declaration_of(item));
      i = close + 1;
      if (!f.name.empty()) break;  // what follows bounds the number of threads
    }
    f.name = words_of(f.name).front();
    return f;
  }

  void read_body(FunctionText& function) {
    for (int depth = 1;;) {
      size_t first = ptx_.find_first_not_of(" \t\r\n", at_);
      if (first == std::string::npos) refuse("the end of the file");
      if (ptx_[first] == '{' || ptx_[first] == '}') {
        bool opens = ptx_[first] == '{';
        read_until("{}");
        depth += opens ? 1 : -1;
        if (depth == 0) return;
        function.body.push_back({opens ? Kind::kOpen : Kind::kClose, line_, "", "", {}, {}});
        continue;
      }
      std::string text = read_until(";:");
      // Rounding and cache modifiers have colons of their own.
      while (ptx_[at_ - 1] == ':' && ptx_[at_] == ':') {
        int line = line_;
        text += "::";
        ++at_;
        text += read_until(";:");
        line_ = line;
      }
      function.body.push_back(statement_of(text, ptx_[at_ - 1] == ':'));
      if (function.body.back().opcode == ".pragma") function.body.pop_back();
    }
  }

  Statement statement_of(const std::string& text, bool is_label) {
    Statement s;
    s.line = line_;
    s.kind = is_label ? Kind::kLabel : Kind::kInstruction;
    size_t i = 0;
    auto next_word = [&] {
      i = std::min(text.find_first_not_of(" \t\r\n", i), text.size());
      size_t end = std::min(text.find_first_of(" \t\r\n", i), text.size());
      std::string word = text.substr(i, end - i);
      i = end;
      return word;
    };
    s.opcode = next_word();
    if (s.opcode[0] == '.' && s.opcode != ".pragma") {
      s.kind = Kind::kDeclaration;
      s.declaration = declaration_of(text);
      return s;
    }
    if (s.opcode[0] == '@') {
      s.guard = s.opcode.substr(1);
      s.opcode = next_word();
    }
    s.operands = split_list(text.substr(i));
    return s;
  }

  ModuleText module_;
  std::string ptx_;
  size_t at_ = 0;
  int newlines_ = 0, line_ = 1;
};

}  // namespace

std::vector<std::string> split_list(const std::string& list) {
  std::vector<std::string> items;
  std::string item;
  int depth = 0;
  for (char c : list) {
    depth += c == '{' || c == '[' || c == '(';
    depth -= c == '}' || c == ']' || c == ')';
    if (c == ',' && depth == 0)
      items.push_back(trim(std::exchange(item, {})));
    else
      item += c;
  }
  if (!trim(item).empty()) items.push_back(trim(item));
  return items;
}

ModuleText split(const std::string& name, const std::string& ptx) { return Splitter(name, ptx).run(); }

}  // namespace ddpm::simt::ptx
