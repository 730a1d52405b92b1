// SPDX-License-Identifier: Apache-2.0
#include "backend.hpp"

#include <slipway/storage/sqlite.hpp>

#include "support/temporary_folder.hpp"

namespace slipway::storage {
namespace {

class SqliteInstallation final : public Installation {
 public:
  StoreResult<std::unique_ptr<Store>> open(Random& random) override {
    return open_sqlite(folder_.path().string(), random);
  }

 private:
  testing::TemporaryFolder folder_;
};

template <class T>
std::unique_ptr<Installation> make() {
  return std::make_unique<T>();
}

constexpr Backend kBackends[] = {
    {"Sqlite", make<SqliteInstallation>},
};

}  // namespace

std::span<const Backend> backends() {
  return kBackends;
}

}  // namespace slipway::storage
