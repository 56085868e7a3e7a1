// expect: take one queue for each consumer
#include <string>

#include <tandem/queue/broadcast_queue.hpp>

int main() { tandem::broadcast_queue<std::string> words(4); }
