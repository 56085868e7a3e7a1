// SPDX-License-Identifier: BSL-1.0
// Reads a scene from JSON, and says in words what is wrong with it, and where.
#ifndef TANDEM_EXAMPLES_RAYTRACER_SCENE_FILE_HPP
#define TANDEM_EXAMPLES_RAYTRACER_SCENE_FILE_HPP

#include <algorithm>         // for find
#include <cerrno>            // for errno
#include <cstdint>           // for uint32_t
#include <cstdio>            // for fclose, ferror, fopen, fread, snprintf
#include <initializer_list>  // for initializer_list
#include <map>               // for map
#include <memory>            // for unique_ptr
#include <optional>          // for nullopt, optional
#include <stdexcept>         // for runtime_error
#include <string>            // for string, to_string
#include <string_view>       // for string_view
#include <system_error>      // for generic_category
#include <utility>           // for move
#include <vector>            // for vector

#include <nlohmann/json.hpp>

#include "scene.hpp"

namespace raytracer {

/// A value of the file, and the way to it.
class node {
 public:
  node(nlohmann::json const& value, std::string path) : value_(value), path_(std::move(path)) {}

  /// @throws std::runtime_error that says where this is, and what is wrong with it
  [[noreturn]] void refuse(std::string const& why) const {
    throw std::runtime_error((path_.empty() ? "the scene" : path_) + ": " + why);
  }

  /// That it is an object, of these fields and no other.
  void expect_fields(std::initializer_list<std::string_view> allowed) const {
    if (!value_.is_object()) refuse("an object { } is expected here, not " + shown());
    for (auto const& [name, value] : value_.items())
      if (std::find(allowed.begin(), allowed.end(), name) == allowed.end())
        refuse("there is no field '" + name + "': it may have " + list(allowed));
  }

  std::optional<node> find(std::string const& name) const {
    auto const found = value_.find(name);
    if (found == value_.end()) return std::nullopt;
    return node(*found, path_.empty() ? name : path_ + "." + name);
  }
  node get(std::string const& name) const {
    auto const found = find(name);
    if (!found) refuse("its field '" + name + "' is missing");
    return *found;
  }

  double number(double least, double most) const {
    if (!value_.is_number() || !(value_.get<double>() >= least && value_.get<double>() <= most)) {
      char range[80];
      std::snprintf(range, sizeof range, "a number from %g to %g is expected here, not ", least, most);
      refuse(range + shown());
    }
    return value_.get<double>();
  }

  vec vector(double least = -1e6, double most = 1e6) const {
    if (!value_.is_array() || value_.size() != 3) refuse("three numbers [x, y, z] are expected here, not " + shown());
    auto const parts = elements();
    return {parts[0].number(least, most), parts[1].number(least, most), parts[2].number(least, most)};
  }

  std::string text() const {
    if (!value_.is_string()) refuse("a text \"...\" is expected here, not " + shown());
    return value_.get<std::string>();
  }

  /// Of an array.
  std::vector<node> elements() const {
    if (!value_.is_array()) refuse("an array [ ] is expected here, not " + shown());
    std::vector<node> all;
    for (auto const& one : value_) all.emplace_back(one, path_ + "[" + std::to_string(all.size()) + "]");
    return all;
  }

  /// Calls f for each element of the array `name`, if there is one.
  template <class F> void each(std::string const& name, F f) const {
    if (auto const all = find(name))
      for (auto const& one : all->elements()) f(one);
  }
  /// Calls f(name, node) for each field.
  template <class F> void each_field(F f) const {
    if (!value_.is_object()) refuse("an object { } is expected here, not " + shown());
    for (auto const& [name, value] : value_.items()) f(name, node(value, path_ + "." + name));
  }

 private:
  std::string shown() const {
    std::string text = value_.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
    return text.size() > 40 ? text.substr(0, 37) + "..." : text;
  }
  static std::string list(std::initializer_list<std::string_view> names) {
    std::string all;
    for (auto const name : names) all.append(all.empty() ? "" : ", ").append(name);
    return all;
  }

  nlohmann::json const& value_;
  std::string path_;
};

namespace impl {

inline void set(double& to, node const& in, char const* name, double least, double most) {
  if (auto const found = in.find(name)) to = found->number(least, most);
}
inline void set(vec& to, node const& in, char const* name) {
  if (auto const found = in.find(name)) to = found->vector();
}
inline void set_color(vec& to, node const& in, char const* name, double most) {
  if (auto const found = in.find(name)) to = found->vector(0, most);
}

inline constexpr double brightest = 1e6, smallest = 1e-4, largest = 1e6;

inline material read_material(node const& in) {
  in.expect_fields({"kind", "color", "checker", "roughness", "index", "glow"});
  material made;
  auto const kind = in.get("kind").text();
  if (kind == "mirror") {
    made.kind = surface::mirror;
  } else if (kind == "glass") {
    made.kind = surface::glass;
  } else if (kind != "diffuse") {
    in.get("kind").refuse("'" + kind + "' is none of diffuse, mirror, glass");
  }
  set_color(made.color, in, "color", 1);
  set_color(made.glow, in, "glow", brightest);
  set(made.roughness, in, "roughness", 0, 1);
  set(made.index, in, "index", 1, 10);
  if (auto const checker = in.find("checker")) {
    checker->expect_fields({"color", "size"});
    made.other_color = checker->get("color").vector(0, 1);
    made.cell = checker->get("size").number(smallest, largest);
  }
  return made;
}

inline scene read_scene(node const& in) {
  in.expect_fields({"camera", "sky", "lights", "materials", "spheres", "planes", "triangles"});
  scene made;
  auto const eye = in.get("camera");
  eye.expect_fields({"from", "to", "view"});
  made.camera.from = eye.get("from").vector();
  made.camera.to = eye.get("to").vector();
  if (length(made.camera.to - made.camera.from) < smallest) eye.refuse("from and to are the same point");
  set(made.camera.view, eye, "view", 1, 170);
  if (auto const over = in.find("sky")) {
    over->expect_fields({"zenith", "horizon"});
    set_color(made.sky.zenith, *over, "zenith", brightest);
    set_color(made.sky.horizon, *over, "horizon", brightest);
  }
  in.each("lights", [&](node const& one) {
    one.expect_fields({"at", "color", "radius"});
    light shines;
    shines.at = one.get("at").vector();
    set_color(shines.color, one, "color", brightest);
    set(shines.radius, one, "radius", 0, largest);
    made.lights.push_back(shines);
  });

  std::map<std::string, std::uint32_t> numbers;
  in.get("materials").each_field([&](std::string const& name, node const& one) {
    numbers.emplace(name, static_cast<std::uint32_t>(made.materials.size()));
    made.materials.push_back(read_material(one));
  });
  auto const material_of = [&](node const& one) {
    auto const found = numbers.find(one.get("material").text());
    if (found != numbers.end()) return found->second;
    std::string known;
    for (auto const& [name, number] : numbers) known += (known.empty() ? "" : ", ") + name;
    one.get("material").refuse("'" + one.get("material").text() + "' is none of the materials: " + known);
  };
  in.each("spheres", [&](node const& one) {
    one.expect_fields({"center", "radius", "material"});
    made.spheres.push_back({one.get("center").vector(), one.get("radius").number(smallest, largest), material_of(one)});
  });
  in.each("planes", [&](node const& one) {
    one.expect_fields({"point", "normal", "material"});
    vec const normal = one.get("normal").vector();
    if (length(normal) < smallest) one.get("normal").refuse("has no direction");
    made.planes.push_back({one.get("point").vector(), unit(normal), material_of(one)});
  });
  in.each("triangles", [&](node const& one) {
    one.expect_fields({"corners", "material"});
    auto const at = one.get("corners");
    auto const corners = at.elements();
    if (corners.size() != 3) at.refuse("three points are expected here, not " + std::to_string(corners.size()));
    triangle const three{corners[0].vector(), corners[1].vector(), corners[2].vector(), material_of(one)};
    if (length(cross(three.b - three.a, three.c - three.a)) < smallest * smallest) at.refuse("they lie on one line");
    made.triangles.push_back(three);
  });
  return made;
}

}  // namespace impl

/// @throws std::runtime_error that says what is wrong, and where
inline scene scene_from_json(std::string_view text) {
  nlohmann::json all;
  try {
    all = nlohmann::json::parse(text);
  } catch (nlohmann::json::exception const& error) {
    std::string_view const what = error.what();  // "[json.exception.parse_error.101] parse error at line 1, ..."
    throw std::runtime_error(std::string(what.substr(what.find("] ") + 2)));
  }
  return impl::read_scene(node(all, ""));
}

/// @throws std::runtime_error, which names the file
inline scene read_scene(std::string const& path) {
  auto const fail = [&](std::string const& why) { throw std::runtime_error(path + ": " + why); };
  std::string text;
  auto const close = [](std::FILE* file) { std::fclose(file); };
  std::unique_ptr<std::FILE, decltype(close)> const file(std::fopen(path.c_str(), "re"), close);
  if (!file) fail(std::generic_category().message(errno));
  char buffer[1 << 14];
  while (std::size_t const n = std::fread(buffer, 1, sizeof buffer, file.get())) text.append(buffer, n);
  if (std::ferror(file.get()) != 0) fail(std::generic_category().message(errno));
  try {
    return scene_from_json(text);
  } catch (std::runtime_error const& error) { fail(error.what()); }
  return {};
}

}  // namespace raytracer

#endif  // TANDEM_EXAMPLES_RAYTRACER_SCENE_FILE_HPP
