// SPDX-License-Identifier: Apache-2.0
// Builds object files for tests, correct unless a test says otherwise.
#pragma once

#include <string>

namespace slipway::testing {

struct ItemText {
  std::string id = "0";
  std::string name = "Value";
  std::string operations = "R";
  std::string instances = "Single";
  std::string presence = "Optional";
  std::string type = "Integer";
  std::string range;
  std::string units;

  [[nodiscard]] std::string text() const {
    return "<Item ID=\"" + id + "\"><Name>" + name + "</Name><Operations>" + operations +
           "</Operations><MultipleInstances>" + instances + "</MultipleInstances><Mandatory>" + presence +
           "</Mandatory><Type>" + type + "</Type><RangeEnumeration>" + range + "</RangeEnumeration><Units>" +
           units + "</Units></Item>\n";
  }
};

struct ObjectText {
  std::string id = "10300";
  std::string name = "Test";
  std::string version = "1.0";
  std::string instances = "Single";
  std::string presence = "Optional";
  std::string items = ItemText{}.text();
  std::string prolog = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n";

  [[nodiscard]] std::string text() const {
    return prolog + "<LWM2M><Object ObjectType=\"MODefinition\"><Name>" + name + "</Name>\n<ObjectID>" + id +
           "</ObjectID><ObjectVersion>" + version + "</ObjectVersion><MultipleInstances>" + instances +
           "</MultipleInstances><Mandatory>" + presence + "</Mandatory>\n<Resources>\n" + items +
           "</Resources></Object></LWM2M>\n";
  }
};

}  // namespace slipway::testing
