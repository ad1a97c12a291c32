// What prove-offline must find: a program in freehold's place that connects, writes elsewhere, starts another program,
// and serves without the seal. Beside it stands the real one as `real`.
#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

int main(int count, char** words) {
  const std::filesystem::path folder = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  sockaddr_in address = {};
  address.sin_family = AF_INET, address.sin_port = htons(9), address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int end = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(end, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return 1;  // nobody is there
  if (open((folder / "leak").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600) < 0) return 1;
  const std::string real = folder / "real";
  std::string no_seal = "--no-seal";
  std::vector<char*> more(words, words + count);
  more.push_back(no_seal.data()), more.push_back(nullptr);
  execv(real.c_str(), more.data());
  return 1;
}
