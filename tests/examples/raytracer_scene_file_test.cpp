// SPDX-License-Identifier: BSL-1.0
// The scenes of the example raytracer: what is read, and what is said of one that is wrong.
#include "raytracer/scene_file.hpp"

#include <stdexcept>
#include <string>

#include "support/catch.hpp"

using namespace raytracer;
using tandem_test::ContainsSubstring;

namespace {

std::string const start = R"({"camera": {"from": [0, 1, 5], "to": [0, 0, 0]}, "materials": {"m": {"kind": "diffuse"}})";

std::string complaint(std::string const& text) {
  try {
    scene_from_json(text);
  } catch (std::runtime_error const& error) { return error.what(); }
  return "none";
}

}  // namespace

TEST_CASE("raytracer: a scene's fields are read", "[examples][raytracer]") {
  auto const all = scene_from_json(R"({
    "camera": { "from": [1, 2, 3], "to": [0, 0, 0], "view": 60 },
    "sky": { "zenith": [0, 0, 1], "horizon": [1, 0, 0] },
    "lights": [{ "at": [1, 1, 1], "color": [9, 8, 7], "radius": 0.5 }],
    "materials": {
      "a": { "kind": "diffuse", "color": [0.1, 0.2, 0.3], "checker": { "color": [1, 1, 1], "size": 2 } },
      "b": { "kind": "mirror", "roughness": 0.25, "glow": [5, 5, 5] },
      "c": { "kind": "glass", "index": 1.25 }
    },
    "spheres": [{ "center": [0, 1, 0], "radius": 2, "material": "c" }],
    "planes": [{ "point": [0, 0, 0], "normal": [0, 4, 0], "material": "a" }],
    "triangles": [{ "corners": [[0, 0, 0], [1, 0, 0], [0, 1, 0]], "material": "b" }]
  })");
  CHECK(all.camera.from == vec{1, 2, 3});
  CHECK(all.camera.view == 60);
  CHECK(all.sky.horizon == vec{1, 0, 0});
  REQUIRE(all.lights.size() == 1);
  CHECK(all.lights[0].color == vec{9, 8, 7});
  REQUIRE(all.spheres.size() == 1);
  CHECK(all.spheres[0].radius == 2);
  CHECK(all.materials[all.spheres[0].material].index == 1.25);
  REQUIRE(all.planes.size() == 1);
  CHECK(all.planes[0].normal == vec{0, 1, 0});
  CHECK(all.materials[all.planes[0].material].cell == 2);
  REQUIRE(all.triangles.size() == 1);
  CHECK(all.triangles[0].b == vec{1, 0, 0});
  CHECK(all.materials[all.triangles[0].material].kind == surface::mirror);
  CHECK(all.materials[all.triangles[0].material].roughness == 0.25);
  CHECK(complaint(start + "}") == "none");
}

TEST_CASE("raytracer: what is wrong in a scene is named, and where", "[examples][raytracer]") {
  CHECK_THAT(complaint("{\n  \"camera\": }"), ContainsSubstring("line 2, column 13"));
  CHECK_THAT(complaint(""), ContainsSubstring("line 1, column 1"));
  CHECK_THAT(complaint("{\"camera\": 1e999}"), ContainsSubstring("1e999"));
  CHECK(complaint("[]") == "the scene: an object { } is expected here, not []");
  CHECK(complaint("{}") == "the scene: its field 'camera' is missing");
  struct wrong {
    char const* more;
    char const* words;
  };
  for (auto const& [more, words] : {
           wrong{R"("sphere": [])",
                 "the scene: there is no field 'sphere': it may have camera, sky, lights, materials, "
                 "spheres, planes, triangles"},
           wrong{R"("sky": {"zenith": [0, -1, 0]})",
                 "sky.zenith[1]: a number from 0 to 1e+06 is expected here, not -1"},
           wrong{R"("sky": 3)", "sky: an object { } is expected here, not 3"},
           wrong{R"("spheres": {})", "spheres: an array [ ] is expected here, not {}"},
           wrong{R"("spheres": [1])", "spheres[0]: an object { } is expected here, not 1"},
           wrong{R"("spheres": [{"center": [0, 0, 0], "material": "m"}])", "spheres[0]: its field 'radius' is missing"},
           wrong{R"("spheres": [{"center": [0, 0, 0], "radius": 0, "material": "m"}])",
                 "spheres[0].radius: a number from 0.0001 to 1e+06 is expected here, not 0"},
           wrong{R"("spheres": [{"center": [0, 0], "radius": 1, "material": "m"}])",
                 "spheres[0].center: three numbers [x, y, z] are expected here, not [0,0]"},
           wrong{R"("spheres": [{"center": [0, 0, "0"], "radius": 1, "material": "m"}])",
                 "spheres[0].center[2]: a number from -1e+06 to 1e+06 is expected here, not \"0\""},
           wrong{R"("spheres": [{"center": [0, 0, 0], "radius": 1, "material": "n"}])",
                 "spheres[0].material: 'n' is none of the materials: m"},
           wrong{R"("spheres": [{"center": [0, 0, 0], "radius": 1, "material": 1}])",
                 "spheres[0].material: a text \"...\" is expected here, not 1"},
           wrong{R"("planes": [{"point": [0, 0, 0], "normal": [0, 0, 0], "material": "m"}])",
                 "planes[0].normal: has no direction"},
           wrong{R"("triangles": [{"corners": [[0, 0, 0], [1, 0, 0]], "material": "m"}])",
                 "triangles[0].corners: three points are expected here, not 2"},
           wrong{R"("triangles": [{"corners": [[0, 0, 0], [1, 0, 0], [2, 0, 0]], "material": "m"}])",
                 "triangles[0].corners: they lie on one line"},
           wrong{R"("camera": {"from": [1, 1, 1], "to": [1, 1, 1]})", "camera: from and to are the same point"},
           wrong{R"("materials": {"a": {"kind": "wood"}})",
                 "materials.a.kind: 'wood' is none of diffuse, mirror, glass"},
           wrong{R"("materials": {"a": {"kind": "diffuse", "colour": [1, 1, 1]}})",
                 "materials.a: there is no field 'colour': it may have kind, color, checker, roughness, index, glow"},
           wrong{R"("materials": [])", "materials: an object { } is expected here, not []"},
       })
    CHECK(complaint(start + ", " + more + "}") == words);
}

TEST_CASE("raytracer: a scene that cannot be read is named", "[examples][raytracer]") {
  CHECK_THROWS_WITH(read_scene("/nowhere/x.json"), "/nowhere/x.json: No such file or directory");
  CHECK_THROWS_WITH(read_scene("/"), "/: Is a directory");
}
