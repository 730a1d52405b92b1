// SPDX-License-Identifier: Apache-2.0
// The core objects as constants. [LwM2M-CORE 1.2 App. E] and the object files of the OMA registry.
#include <array>

#include <slipway/model/definition.hpp>

namespace slipway {

namespace {

using Op = Operations;
using enum DataType;
using enum Multiplicity;
using enum Presence;
using enum Confidentiality;

// clang-format off
// /0 LWM2M Security
constexpr auto kSecurity = std::to_array<ResourceDefinition>({
    {ResourceId(0),  "LwM2M Server URI",                              string,           Op::none, single,   mandatory, open,   {0, 255, true},   "",  {1, 0}},
    {ResourceId(1),  "Bootstrap-Server",                              boolean,          Op::none, single,   mandatory, open,   {},               "",  {1, 0}},
    {ResourceId(2),  "Security Mode",                                 integer,          Op::none, single,   mandatory, open,   {0, 4, true},     "",  {1, 0}},
    {ResourceId(3),  "Public Key or Identity",                        opaque,           Op::none, single,   mandatory, open,   {},               "",  {1, 0}},
    {ResourceId(4),  "Server Public Key",                             opaque,           Op::none, single,   mandatory, open,   {},               "",  {1, 0}},
    {ResourceId(5),  "Secret Key",                                    opaque,           Op::none, single,   mandatory, secret, {},               "",  {1, 0}},
    {ResourceId(6),  "SMS Security Mode",                             integer,          Op::none, single,   optional,  open,   {0, 255, true},   "",  {1, 0}},
    {ResourceId(7),  "SMS Binding Key Parameters",                    opaque,           Op::none, single,   optional,  open,   {6, 6, true},     "",  {1, 0}},
    {ResourceId(8),  "SMS Binding Secret Key(s)",                     opaque,           Op::none, single,   optional,  secret, {16, 48, true},   "",  {1, 0}},
    {ResourceId(9),  "LwM2M Server SMS Number",                       string,           Op::none, single,   optional,  open,   {},               "",  {1, 0}},
    {ResourceId(10), "Short Server ID",                               integer,          Op::none, single,   optional,  open,   {1, 65534, true}, "",  {1, 0}},
    {ResourceId(11), "Client Hold Off Time",                          integer,          Op::none, single,   optional,  open,   {},               "s", {1, 0}},
    {ResourceId(12), "Bootstrap-Server Account Timeout",              integer,          Op::none, single,   optional,  open,   {},               "s", {1, 0}},
    {ResourceId(13), "Matching Type",                                 unsigned_integer, Op::none, single,   optional,  open,   {0, 3, true},     "",  {1, 1}},
    {ResourceId(14), "SNI",                                           string,           Op::none, single,   optional,  open,   {},               "",  {1, 1}},
    {ResourceId(15), "Certificate Usage",                             unsigned_integer, Op::none, single,   optional,  open,   {0, 3, true},     "",  {1, 1}},
    {ResourceId(16), "DTLS/TLS Ciphersuite",                          unsigned_integer, Op::none, multiple, optional,  open,   {},               "",  {1, 1}},
    {ResourceId(17), "OSCORE Security Mode",                          objlnk,           Op::none, single,   optional,  open,   {},               "",  {1, 1}},
    {ResourceId(18), "Groups To Use by Client",                       unsigned_integer, Op::none, multiple, optional,  open,   {0, 65535, true}, "",  {1, 2}},
    {ResourceId(19), "Signature Algorithms Supported by Server",      unsigned_integer, Op::none, multiple, optional,  open,   {0, 65535, true}, "",  {1, 2}},
    {ResourceId(20), "Signature Algorithms To Use by Client",         unsigned_integer, Op::none, multiple, optional,  open,   {0, 65535, true}, "",  {1, 2}},
    {ResourceId(21), "Signature Algorithm Certs Supported by Server", unsigned_integer, Op::none, multiple, optional,  open,   {0, 65535, true}, "",  {1, 2}},
    {ResourceId(22), "TLS 1.3 Features To Use by Client",             unsigned_integer, Op::none, single,   optional,  open,   {0, 65535, true}, "",  {1, 2}},
    {ResourceId(23), "TLS Extensions Supported by Server",            unsigned_integer, Op::none, single,   optional,  open,   {0, 65535, true}, "",  {1, 2}},
    {ResourceId(24), "TLS Extensions To Use by Client",               unsigned_integer, Op::none, single,   optional,  open,   {0, 65535, true}, "",  {1, 2}},
    {ResourceId(25), "Secondary LwM2M Server URI",                    string,           Op::none, multiple, optional,  open,   {0, 255, true},   "",  {1, 2}},
    {ResourceId(26), "MQTT Server",                                   objlnk,           Op::none, single,   optional,  open,   {},               "",  {1, 2}},
    {ResourceId(27), "LwM2M COSE Security",                           objlnk,           Op::none, multiple, optional,  open,   {},               "",  {1, 2}},
    {ResourceId(28), "RDS Destination Port",                          integer,          Op::none, single,   optional,  open,   {0, 15, true},    "",  {1, 2}},
    {ResourceId(29), "RDS Source Port",                               integer,          Op::none, single,   optional,  open,   {0, 15, true},    "",  {1, 2}},
    {ResourceId(30), "RDS Application ID",                            string,           Op::none, single,   optional,  open,   {},               "",  {1, 2}},
});

// /1 LwM2M Server
constexpr auto kServer = std::to_array<ResourceDefinition>({
    {ResourceId(0),  "Short Server ID",                               integer,          Op::read,       single,   mandatory, open, {1, 65534, true}, "",  {1, 0}},
    {ResourceId(1),  "Lifetime",                                      integer,          Op::read_write, single,   mandatory, open, {},               "s", {1, 0}},
    {ResourceId(2),  "Default Minimum Period",                        integer,          Op::read_write, single,   optional,  open, {},               "s", {1, 0}},
    {ResourceId(3),  "Default Maximum Period",                        integer,          Op::read_write, single,   optional,  open, {},               "s", {1, 0}},
    {ResourceId(4),  "Disable",                                       none,             Op::execute,    single,   optional,  open, {},               "",  {1, 0}},
    {ResourceId(5),  "Disable Timeout",                               integer,          Op::read_write, single,   optional,  open, {},               "s", {1, 0}},
    {ResourceId(6),  "Notification Storing When Disabled or Offline", boolean,          Op::read_write, single,   mandatory, open, {},               "",  {1, 0}},
    {ResourceId(7),  "Binding",                                       string,           Op::read_write, single,   mandatory, open, {},               "",  {1, 0}},
    {ResourceId(8),  "Registration Update Trigger",                   none,             Op::execute,    single,   mandatory, open, {},               "",  {1, 0}},
    {ResourceId(9),  "Bootstrap-Request Trigger",                     none,             Op::execute,    single,   optional,  open, {},               "",  {1, 1}},
    {ResourceId(10), "APN Link",                                      objlnk,           Op::read_write, single,   optional,  open, {},               "",  {1, 1}},
    {ResourceId(11), "TLS-DTLS Alert Code",                           unsigned_integer, Op::read,       single,   optional,  open, {0, 255, true},   "",  {1, 1}},
    {ResourceId(12), "Last Bootstrapped",                             time,             Op::read,       single,   optional,  open, {},               "",  {1, 1}},
    {ResourceId(13), "Registration Priority Order",                   unsigned_integer, Op::read,       single,   optional,  open, {},               "",  {1, 1}},
    {ResourceId(14), "Initial Registration Delay Timer",              unsigned_integer, Op::read_write, single,   optional,  open, {},               "s", {1, 1}},
    {ResourceId(15), "Registration Failure Block",                    boolean,          Op::read,       single,   optional,  open, {},               "",  {1, 1}},
    {ResourceId(16), "Bootstrap on Registration Failure",             boolean,          Op::read,       single,   optional,  open, {},               "",  {1, 1}},
    {ResourceId(17), "Communication Retry Count",                     unsigned_integer, Op::read_write, single,   optional,  open, {},               "",  {1, 1}},
    {ResourceId(18), "Communication Retry Timer",                     unsigned_integer, Op::read_write, single,   optional,  open, {},               "s", {1, 1}},
    {ResourceId(19), "Communication Sequence Delay Timer",            unsigned_integer, Op::read_write, single,   optional,  open, {},               "s", {1, 1}},
    {ResourceId(20), "Communication Sequence Retry Count",            unsigned_integer, Op::read_write, single,   optional,  open, {},               "",  {1, 1}},
    {ResourceId(21), "Trigger",                                       boolean,          Op::read_write, single,   optional,  open, {},               "",  {1, 1}},
    {ResourceId(22), "Preferred Transport",                           string,           Op::read_write, single,   optional,  open, {},               "",  {1, 1}},
    {ResourceId(23), "Mute Send",                                     boolean,          Op::read_write, single,   optional,  open, {},               "",  {1, 1}},
    {ResourceId(24), "Alternate APN Links",                           objlnk,           Op::read_write, multiple, optional,  open, {},               "",  {1, 2}},
    {ResourceId(25), "Supported Server Versions",                     string,           Op::read_write, multiple, optional,  open, {},               "",  {1, 2}},
    {ResourceId(26), "Default Notification Mode",                     integer,          Op::read_write, single,   optional,  open, {0, 1, true},     "",  {1, 2}},
    {ResourceId(27), "Profile ID Hash Algorithm",                     unsigned_integer, Op::read_write, single,   optional,  open, {0, 255, true},   "",  {1, 2}},
});

// /2 LwM2M Access Control
constexpr auto kAccessControl = std::to_array<ResourceDefinition>({
    {ResourceId(0), "Object ID",            integer, Op::read,       single,   mandatory, open, {1, 65534, true}, "", {1, 0}},
    {ResourceId(1), "Object Instance ID",   integer, Op::read,       single,   mandatory, open, {0, 65535, true}, "", {1, 0}},
    {ResourceId(2), "ACL",                  integer, Op::read_write, multiple, optional,  open, {0, 31, true},    "", {1, 0}},
    {ResourceId(3), "Access Control Owner", integer, Op::read_write, single,   mandatory, open, {0, 65535, true}, "", {1, 0}},
});

// /3 Device
constexpr auto kDevice = std::to_array<ResourceDefinition>({
    {ResourceId(0),  "Manufacturer",                string,  Op::read,       single,   optional,  open, {},             "",  {1, 0}},
    {ResourceId(1),  "Model Number",                string,  Op::read,       single,   optional,  open, {},             "",  {1, 0}},
    {ResourceId(2),  "Serial Number",               string,  Op::read,       single,   optional,  open, {},             "",  {1, 0}},
    {ResourceId(3),  "Firmware Version",            string,  Op::read,       single,   optional,  open, {},             "",  {1, 0}},
    {ResourceId(4),  "Reboot",                      none,    Op::execute,    single,   mandatory, open, {},             "",  {1, 0}},
    {ResourceId(5),  "Factory Reset",               none,    Op::execute,    single,   optional,  open, {},             "",  {1, 0}},
    {ResourceId(6),  "Available Power Sources",     integer, Op::read,       multiple, optional,  open, {0, 7, true},   "",  {1, 0}},
    {ResourceId(7),  "Power Source Voltage",        integer, Op::read,       multiple, optional,  open, {},             "",  {1, 0}},
    {ResourceId(8),  "Power Source Current",        integer, Op::read,       multiple, optional,  open, {},             "",  {1, 0}},
    {ResourceId(9),  "Battery Level",               integer, Op::read,       single,   optional,  open, {0, 100, true}, "%", {1, 0}},
    {ResourceId(10), "Memory Free",                 integer, Op::read,       single,   optional,  open, {},             "",  {1, 0}},
    {ResourceId(11), "Error Code",                  integer, Op::read,       multiple, mandatory, open, {0, 32, true},  "",  {1, 0}},
    {ResourceId(12), "Reset Error Code",            none,    Op::execute,    single,   optional,  open, {},             "",  {1, 0}},
    {ResourceId(13), "Current Time",                time,    Op::read_write, single,   optional,  open, {},             "",  {1, 0}},
    {ResourceId(14), "UTC Offset",                  string,  Op::read_write, single,   optional,  open, {},             "",  {1, 0}},
    {ResourceId(15), "Timezone",                    string,  Op::read_write, single,   optional,  open, {},             "",  {1, 0}},
    {ResourceId(16), "Supported Binding and Modes", string,  Op::read,       single,   mandatory, open, {},             "",  {1, 0}},
    {ResourceId(17), "Device Type",                 string,  Op::read,       single,   optional,  open, {},             "",  {1, 0}},
    {ResourceId(18), "Hardware Version",            string,  Op::read,       single,   optional,  open, {},             "",  {1, 0}},
    {ResourceId(19), "Software Version",            string,  Op::read,       single,   optional,  open, {},             "",  {1, 0}},
    {ResourceId(20), "Battery Status",              integer, Op::read,       single,   optional,  open, {0, 6, true},   "",  {1, 0}},
    {ResourceId(21), "Memory Total",                integer, Op::read,       single,   optional,  open, {},             "",  {1, 0}},
    {ResourceId(22), "ExtDevInfo",                  objlnk,  Op::read,       multiple, optional,  open, {},             "",  {1, 0}},
});

// /4 Connectivity Monitoring
constexpr auto kConnectivityMonitoring = std::to_array<ResourceDefinition>({
    {ResourceId(0),  "Network Bearer",             integer, Op::read, single,   mandatory, open, {0, 50, true},  "",    {1, 0}},
    {ResourceId(1),  "Available Network Bearer",   integer, Op::read, multiple, mandatory, open, {0, 50, true},  "",    {1, 0}},
    {ResourceId(2),  "Radio Signal Strength",      integer, Op::read, single,   mandatory, open, {},             "dBm", {1, 0}},
    {ResourceId(3),  "Link Quality",               integer, Op::read, single,   optional,  open, {},             "",    {1, 0}},
    {ResourceId(4),  "IP Addresses",               string,  Op::read, multiple, mandatory, open, {},             "",    {1, 0}},
    {ResourceId(5),  "Router IP Addresses",        string,  Op::read, multiple, optional,  open, {},             "",    {1, 0}},
    {ResourceId(6),  "Link Utilization",           integer, Op::read, single,   optional,  open, {0, 100, true}, "%",   {1, 0}},
    {ResourceId(7),  "APN",                        string,  Op::read, multiple, optional,  open, {},             "",    {1, 0}},
    {ResourceId(8),  "Cell ID",                    integer, Op::read, single,   optional,  open, {},             "",    {1, 0}},
    {ResourceId(9),  "SMNC",                       integer, Op::read, single,   optional,  open, {0, 999, true}, "",    {1, 0}},
    {ResourceId(10), "SMCC",                       integer, Op::read, single,   optional,  open, {0, 999, true}, "",    {1, 0}},
    {ResourceId(11), "SignalSNR",                  integer, Op::read, single,   optional,  open, {},             "dB",  {1, 1}},
    {ResourceId(12), "LAC",                        integer, Op::read, single,   optional,  open, {},             "",    {1, 2}},
    {ResourceId(13), "Coverage Enhancement Level", integer, Op::read, single,   optional,  open, {0, 4, true},   "",    {1, 3}},
});

// /5 Firmware Update
constexpr auto kFirmwareUpdate = std::to_array<ResourceDefinition>({
    {ResourceId(0),  "Package",                          opaque,           Op::write,      single,   mandatory, open, {},             "",  {1, 0}},
    {ResourceId(1),  "Package URI",                      string,           Op::read_write, single,   mandatory, open, {0, 255, true}, "",  {1, 0}},
    {ResourceId(2),  "Update",                           none,             Op::execute,    single,   mandatory, open, {},             "",  {1, 0}},
    {ResourceId(3),  "State",                            integer,          Op::read,       single,   mandatory, open, {0, 3, true},   "",  {1, 0}},
    {ResourceId(5),  "Update Result",                    integer,          Op::read,       single,   mandatory, open, {0, 11, true},  "",  {1, 0}},
    {ResourceId(6),  "PkgName",                          string,           Op::read,       single,   optional,  open, {0, 255, true}, "",  {1, 0}},
    {ResourceId(7),  "PkgVersion",                       string,           Op::read,       single,   optional,  open, {0, 255, true}, "",  {1, 0}},
    {ResourceId(8),  "Firmware Update Protocol Support", integer,          Op::read,       multiple, optional,  open, {0, 5, true},   "",  {1, 0}},
    {ResourceId(9),  "Firmware Update Delivery Method",  integer,          Op::read,       single,   mandatory, open, {0, 2, true},   "",  {1, 0}},
    {ResourceId(10), "Cancel",                           none,             Op::execute,    single,   optional,  open, {},             "",  {1, 1}},
    {ResourceId(11), "Severity",                         integer,          Op::read_write, single,   optional,  open, {0, 2, true},   "",  {1, 1}},
    {ResourceId(12), "Last State Change Time",           time,             Op::read,       single,   optional,  open, {},             "",  {1, 1}},
    {ResourceId(13), "Maximum Defer Period",             unsigned_integer, Op::read_write, single,   optional,  open, {},             "s", {1, 1}},
    {ResourceId(14), "Automatic Upgrade at Download",    boolean,          Op::read_write, single,   optional,  open, {},             "",  {1, 2}},
});

// /6 Location
constexpr auto kLocation = std::to_array<ResourceDefinition>({
    {ResourceId(0), "Latitude",  floating, Op::read, single, mandatory, open, {}, "lat", {1, 0}},
    {ResourceId(1), "Longitude", floating, Op::read, single, mandatory, open, {}, "lon", {1, 0}},
    {ResourceId(2), "Altitude",  floating, Op::read, single, optional,  open, {}, "m",   {1, 0}},
    {ResourceId(3), "Radius",    floating, Op::read, single, optional,  open, {}, "m",   {1, 0}},
    {ResourceId(4), "Velocity",  opaque,   Op::read, single, optional,  open, {}, "",    {1, 0}},
    {ResourceId(5), "Timestamp", time,     Op::read, single, mandatory, open, {}, "",    {1, 0}},
    {ResourceId(6), "Speed",     floating, Op::read, single, optional,  open, {}, "m/s", {1, 0}},
});

// /7 Connectivity Statistics
constexpr auto kConnectivityStatistics = std::to_array<ResourceDefinition>({
    {ResourceId(0), "SMS Tx Counter",       integer, Op::read,       single, optional,  open, {}, "",  {1, 0}},
    {ResourceId(1), "SMS Rx Counter",       integer, Op::read,       single, optional,  open, {}, "",  {1, 0}},
    {ResourceId(2), "Tx Data",              integer, Op::read,       single, optional,  open, {}, "",  {1, 0}},
    {ResourceId(3), "Rx Data",              integer, Op::read,       single, optional,  open, {}, "",  {1, 0}},
    {ResourceId(4), "Max Message Size",     integer, Op::read,       single, optional,  open, {}, "B", {1, 0}},
    {ResourceId(5), "Average Message Size", integer, Op::read,       single, optional,  open, {}, "B", {1, 0}},
    {ResourceId(6), "Start",                none,    Op::execute,    single, mandatory, open, {}, "",  {1, 0}},
    {ResourceId(7), "Stop",                 none,    Op::execute,    single, mandatory, open, {}, "",  {1, 0}},
    {ResourceId(8), "Collection Period",    integer, Op::read_write, single, optional,  open, {}, "s", {1, 0}},
});

// /21 LWM2M OSCORE
constexpr auto kOscore = std::to_array<ResourceDefinition>({
    {ResourceId(0), "OSCORE Master Secret",  opaque,  Op::none, single, mandatory, secret, {}, "", {1, 0}},
    {ResourceId(1), "OSCORE Sender ID",      opaque,  Op::none, single, mandatory, open,   {}, "", {1, 0}},
    {ResourceId(2), "OSCORE Recipient ID",   opaque,  Op::none, single, mandatory, open,   {}, "", {1, 0}},
    {ResourceId(3), "OSCORE AEAD Algorithm", integer, Op::none, single, optional,  open,   {}, "", {1, 0}},
    {ResourceId(4), "OSCORE HMAC Algorithm", integer, Op::none, single, optional,  open,   {}, "", {1, 0}},
    {ResourceId(5), "OSCORE Master Salt",    opaque,  Op::none, single, optional,  open,   {}, "", {1, 0}},
    {ResourceId(6), "OSCORE ID Context",     opaque,  Op::none, single, optional,  open,   {}, "", {1, 1}},
});

// /21 before version 2.0, where the ids and secrets were text
constexpr auto kOscoreText = std::to_array<ResourceDefinition>({
    {ResourceId(0), "OSCORE Master Secret",  string,  Op::none, single, mandatory, secret, {}, "", {1, 0}},
    {ResourceId(1), "OSCORE Sender ID",      string,  Op::none, single, mandatory, open,   {}, "", {1, 0}},
    {ResourceId(2), "OSCORE Recipient ID",   string,  Op::none, single, mandatory, open,   {}, "", {1, 0}},
    {ResourceId(3), "OSCORE AEAD Algorithm", integer, Op::none, single, optional,  open,   {}, "", {1, 0}},
    {ResourceId(4), "OSCORE HMAC Algorithm", integer, Op::none, single, optional,  open,   {}, "", {1, 0}},
    {ResourceId(5), "OSCORE Master Salt",    string,  Op::none, single, optional,  open,   {}, "", {1, 0}},
    {ResourceId(6), "OSCORE ID Context",     string,  Op::none, single, optional,  open,   {}, "", {1, 1}},
});

// /23 LwM2M COSE
constexpr auto kCose = std::to_array<ResourceDefinition>({
    {ResourceId(0), "KID",            string,  Op::none, single, mandatory, open,   {}, "", {1, 0}},
    {ResourceId(1), "AEAD Algorithm", integer, Op::none, single, mandatory, open,   {}, "", {1, 0}},
    {ResourceId(2), "Key",            string,  Op::none, single, mandatory, secret, {}, "", {1, 0}},
});

// /24 MQTT Server
constexpr auto kMqttServer = std::to_array<ResourceDefinition>({
    {ResourceId(0), "Will Retain",       boolean,          Op::read_write, single, optional,  open,   {},               "", {1, 0}},
    {ResourceId(1), "Will Topic",        string,           Op::read_write, single, optional,  open,   {},               "", {1, 0}},
    {ResourceId(2), "Will Message",      string,           Op::read_write, single, optional,  open,   {},               "", {1, 0}},
    {ResourceId(3), "Clean Session",     boolean,          Op::read_write, single, optional,  open,   {},               "", {1, 0}},
    {ResourceId(4), "Will QoS",          unsigned_integer, Op::read_write, single, optional,  open,   {0, 3, true},     "", {1, 0}},
    {ResourceId(5), "Keep Alive",        unsigned_integer, Op::read_write, single, optional,  open,   {0, 65535, true}, "", {1, 0}},
    {ResourceId(6), "Client Identifier", string,           Op::read_write, single, mandatory, open,   {},               "", {1, 0}},
    {ResourceId(7), "User Name",         string,           Op::read_write, single, optional,  open,   {},               "", {1, 0}},
    {ResourceId(8), "Password",          opaque,           Op::read_write, single, optional,  secret, {},               "", {1, 0}},
});

constexpr ObjectDefinition kSecurityObject{ObjectId(0), "LWM2M Security", {1, 2}, multiple, mandatory, kSecurity};
constexpr ObjectDefinition kServerObject{ObjectId(1), "LwM2M Server", {1, 2}, multiple, mandatory, kServer};
constexpr ObjectDefinition kAccessControlObject{ObjectId(2), "LwM2M Access Control", {1, 1}, multiple, optional, kAccessControl};
constexpr ObjectDefinition kDeviceObject{ObjectId(3), "Device", {1, 2}, single, mandatory, kDevice};
constexpr ObjectDefinition kConnectivityMonitoringObject{ObjectId(4), "Connectivity Monitoring", {1, 3}, single, optional, kConnectivityMonitoring};
constexpr ObjectDefinition kFirmwareUpdateObject{ObjectId(5), "Firmware Update", {1, 2}, single, optional, kFirmwareUpdate};
constexpr ObjectDefinition kLocationObject{ObjectId(6), "Location", {1, 0}, single, optional, kLocation};
constexpr ObjectDefinition kConnectivityStatisticsObject{ObjectId(7), "Connectivity Statistics", {1, 0}, single, optional, kConnectivityStatistics};
constexpr ObjectDefinition kOscoreObject{ObjectId(21), "LWM2M OSCORE", {2, 0}, multiple, optional, kOscore};
constexpr ObjectDefinition kOscoreTextObject{ObjectId(21), "LWM2M OSCORE", {1, 1}, multiple, optional, kOscoreText};
constexpr ObjectDefinition kCoseObject{ObjectId(23), "LwM2M COSE", {1, 0}, multiple, optional, kCose};
constexpr ObjectDefinition kMqttServerObject{ObjectId(24), "MQTT Server", {1, 0}, multiple, optional, kMqttServer};
// clang-format on

constexpr std::array<const ObjectDefinition*, 25> kById = [] {
  std::array<const ObjectDefinition*, 25> table{};
  for (const auto* object :
       {&kSecurityObject, &kServerObject, &kAccessControlObject, &kDeviceObject,
        &kConnectivityMonitoringObject, &kFirmwareUpdateObject, &kLocationObject,
        &kConnectivityStatisticsObject, &kOscoreObject, &kCoseObject, &kMqttServerObject})
    table[object->id.value()] = object;
  return table;
}();

class BuiltinObjects final : public ObjectCatalog {
 public:
  [[nodiscard]] const ObjectDefinition* find(ObjectId id) const override {
    return id.value() < kById.size() ? kById[id.value()] : nullptr;
  }
  // One table serves all minor versions: a later one only adds resources, and `since` tells which.
  [[nodiscard]] const ObjectDefinition* find(ObjectId id, Version version) const override {
    const auto* newest = find(id);
    if (newest == nullptr || newest->version.major == version.major) return newest;
    const auto& text = kOscoreTextObject;
    return id == text.id && version.major == text.version.major ? &text : nullptr;
  }
};

constinit const BuiltinObjects kObjects;

}  // namespace

const ObjectCatalog& builtin_objects() {
  return kObjects;
}

}  // namespace slipway
