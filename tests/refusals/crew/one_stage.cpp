// expect: a pipeline has two stages at least
#include <tandem/crew.hpp>

int main() { tandem::pipeline flow(tandem::stage([](tandem::outlet<int>&) {})); }
