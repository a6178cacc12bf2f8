# Sidekiq as it comes, and what asks it to enqueue (as asked.py does).
require "sidekiq"

Sidekiq.configure_server { |config| config.redis = { url: ENV["REDIS_URL"] } }
Sidekiq.configure_client { |config| config.redis = { url: ENV["REDIS_URL"] } }
logger = Sidekiq.respond_to?(:default_configuration) ? Sidekiq.default_configuration.logger : Sidekiq.logger
logger.level = Logger.const_get(ENV.fetch("LOG_LEVEL", "INFO").sub("WARNING", "WARN"))

class Noop
  include Sidekiq.const_defined?(:Job) ? Sidekiq::Job : Sidekiq::Worker

  def perform(number)
  end
end

ACTIONS = {
  "single" => ->(count) { count.times { |number| Noop.perform_async(number) } },
  "scheduled" => ->(count) { count.times { |number| Noop.perform_in(3600, number) } },
  "bulk" => lambda do |count|
    (0...count).each_slice(1000) do |numbers|
      Sidekiq::Client.push_bulk("class" => Noop, "args" => numbers.map { |number| [number] })
    end
  end
}.freeze

if $PROGRAM_NAME == __FILE__
  if ARGV == ["version"]
    jit = defined?(RubyVM::YJIT) && RubyVM::YJIT.enabled? ? " with YJIT" : ""
    puts "Sidekiq #{Sidekiq::VERSION}, Ruby #{RUBY_VERSION}#{jit}"
    exit
  end
  $stdout.sync = true
  $stdin.each_line do |line|
    name, count = line.split
    began = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    ACTIONS.fetch(name).call(count.to_i)
    puts "[#{Process.clock_gettime(Process::CLOCK_MONOTONIC) - began}, null]"
  end
end
