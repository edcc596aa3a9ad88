# The part of Logstash that a script of the ruby filter sees, for tests where no Logstash can run:
# the event's API, and the contexts that run the script and its own tests.
#
#   ruby logstash.rb SCRIPT test         runs the tests in the script; 1 where one fails
#   ruby logstash.rb SCRIPT filter       events from standard input, a JSON line each; results out
#   ruby logstash.rb SCRIPT time N       the CPU time of each such event in microseconds, over N runs

require "json"
require "time"

module LogStash
  class Timestamp
    attr_reader :time

    def initialize(value = nil)
      @time = value.is_a?(String) ? Time.iso8601(value).utc : (value || Time.now).utc
    end

    def to_s
      time.iso8601(6)
    end
    alias to_iso8601 to_s
  end

  class Event
    attr_reader :metadata

    def initialize(data = {})
      @data = JSON.parse(JSON.generate(data, max_nesting: false), max_nesting: false)
      @metadata = @data.delete("@metadata") || {}
      stamp = @data["@timestamp"]
      @data["@timestamp"] = stamp ? Timestamp.new(stamp) : Timestamp.new
      @data["@version"] ||= "1"
    end

    def get(reference)
      names(reference).inject(@data.merge("@metadata" => @metadata)) do |node, name|
        node.is_a?(Hash) ? node[name] : nil
      end
    end

    def set(reference, value)
      raise TypeError, "@timestamp takes a Timestamp" if reference.include?("@timestamp") && !value.is_a?(Timestamp)

      *outer, last = names(reference)
      outer.inject(@data.merge("@metadata" => @metadata)) do |node, name|
        # A path over a value that is no object is refused, as it is there.
        raise ArgumentError, "#{reference}: #{name} is no object" unless node[name].nil? || node[name].is_a?(Hash)

        node[name] ||= {}
        @data[name] = node[name] if node.key?("@metadata") && name != "@metadata"
        node[name]
      end.store(last, value)
      @data[last] = value if outer.empty?
      value
    end

    def remove(reference)
      *outer, last = names(reference)
      root = outer.first == "@metadata" ? { "@metadata" => @metadata } : @data
      holder = outer.inject(root) { |node, name| node.is_a?(Hash) ? node[name] : nil }
      holder.delete(last) if holder.is_a?(Hash)
    end

    # One that is no list of texts stops it, as it does there.
    def tag(name)
      raise TypeError, "tags: #{@data["tags"].class}" unless [nil, Array, String].any? { |kind| kind === @data["tags"] }

      @data["tags"] = [*@data["tags"], name].uniq
    end

    def to_hash
      @data.dup
    end

    def plain
      @data.merge("@timestamp" => @data["@timestamp"].to_s)
    end

    private

    # A name with a bracket is a path there, and no way leads to a member that has it in its name.
    def names(reference)
      return [reference] unless reference.match?(/[\[\]]/)
      raise ArgumentError, "no reference: #{reference}" unless reference.match?(/\A(?:\[[^\[\],]+\])+\z/)

      reference.scan(/\[([^\[\]]+)\]/).flatten
    end
  end
end

# One instance of the script.
class Context
  def initialize(source, path, &on_test)
    define_singleton_method(:test) { |name, &block| on_test && on_test.call(name, block) }
    instance_eval(source, path, 1)
  end
end

# What the block of a test says.
class TestCase
  def initialize(name, context)
    @name = name
    @context = context
    @expectations = []
  end

  def parameters
    @context.register(yield)
  end

  def in_event
    @events = [yield].flatten.map { |data| LogStash::Event.new(data) }
  end
  alias in_events in_event

  def expect(what, &block)
    @expectations << [what, block]
  end

  def failures
    results = @events.flat_map { |event| @context.filter(event) }
    @expectations.reject { |_what, block| block.call(results) == true }.map { |what, _block| "#{@name}: #{what}" }
  end
end

def microseconds(context, data, runs)
  events = Array.new(runs) { LogStash::Event.new(data) }
  start = Process.times.utime
  events.each { |event| context.filter(event) }
  (Process.times.utime - start) * 1e6 / runs
end

path, mode, runs = ARGV
source = File.read(path)
if mode == "test"
  cases = []
  Context.new(source, path) { |name, block| cases << [name, block] }
  failures = cases.flat_map do |name, block|
    one = TestCase.new(name, Context.new(source, path))
    one.instance_eval(&block)
    one.failures
  end
  puts "#{cases.length} tests", failures
  exit(failures.empty? && !cases.empty? ? 0 : 1)
end
context = Context.new(source, path)
context.register({})
if mode == "time"
  STDIN.each_line do |line|
    times = Array.new(5) { microseconds(context, JSON.parse(line), runs.to_i) }
    puts JSON.generate(times.min)
  end
  exit
end
STDIN.each_line do |line|
  context.filter(LogStash::Event.new(JSON.parse(line, max_nesting: false))).each do |event|
    puts JSON.generate({ "event" => event.plain, "metadata" => event.metadata }, max_nesting: false)
  end
end
