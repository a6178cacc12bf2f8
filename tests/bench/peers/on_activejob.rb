# The same as on_sidekiq.rb, by way of Rails' ActiveJob.
require "active_support"
require "active_job"
require_relative "on_sidekiq"

ActiveJob::Base.queue_adapter = :sidekiq
ActiveJob::Base.logger = Sidekiq.logger

class Nothing < ActiveJob::Base
  def perform(number)
  end
end

ACTIONS["single"] = ->(count) { count.times { |number| Nothing.perform_later(number) } }
ACTIONS["scheduled"] = ->(count) { count.times { |number| Nothing.set(wait: 3600).perform_later(number) } }
answer("ActiveJob #{ActiveJob.version}") if $PROGRAM_NAME == __FILE__
