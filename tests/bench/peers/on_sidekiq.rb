# Sidekiq as it comes.
require "sidekiq"

Sidekiq.configure_server { |config| config.redis = { url: ENV["REDIS_URL"] } }
Sidekiq.configure_client { |config| config.redis = { url: ENV["REDIS_URL"] } }
Sidekiq.logger.level = Logger.const_get(ENV.fetch("LOG_LEVEL", "INFO").sub("WARNING", "WARN"))

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
}

# What asked.py does: `version` alone tells what this is.
def answer(name)
  if ARGV == ["version"]
    jit = defined?(RubyVM::YJIT) && RubyVM::YJIT.enabled? ? " with YJIT" : ""
    puts "#{name}, Ruby #{RUBY_VERSION}#{jit}"
    return
  end
  answers = $stdout.dup
  answers.sync = true
  $stdout.reopen($stderr)
  $stdin.each_line do |line|
    action, count = line.split
    began = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    ACTIONS.fetch(action).call(count.to_i)
    answers.puts "[#{Process.clock_gettime(Process::CLOCK_MONOTONIC) - began}, null]"
  end
end

answer("Sidekiq #{Sidekiq::VERSION}") if $PROGRAM_NAME == __FILE__
