# Mails by Rails' ActionMailer, queued with ActiveJob and sent by Sidekiq.
gem "actionmailer"
require "action_mailer"
require "active_job"
require "uri"
require_relative "on_sidekiq"

ActiveJob::Base.queue_adapter = :sidekiq
ActiveJob::Base.logger = ActionMailer::Base.logger = Sidekiq.logger

server = URI(ENV.fetch("SMTP_URL", "smtp://127.0.0.1:25"))
settings = { address: server.host, port: server.port, open_timeout: 10, read_timeout: 60 }
if server.scheme == "submission"
  login = { user_name: server.user, password: server.password, authentication: :plain }
  settings.update(login, enable_starttls_auto: true, openssl_verify_mode: "peer")
else
  settings[:enable_starttls_auto] = false
end
ActionMailer::Base.delivery_method = :smtp
ActionMailer::Base.smtp_settings = settings

class Post < ActionMailer::Base
  default from: "Kickstand <hello@localhost>"

  def liked(number)
    text = "Hello,\n\nAlice liked your photo. Look at it: http://localhost:8000/posts/1/\n\n" + "#{"word " * 14}\n" * 8
    mail(to: "reader#{number}@example.com", subject: "Alice liked your photo #{number}") do |format|
      format.text { render plain: text }
      format.html { render html: "<h1>Hello</h1><p>#{text}</p>".html_safe }
    end
  end
end

ACTIONS["mail"] = ->(count) { count.times { |number| Post.liked(number).deliver_later } }
answer("ActionMailer #{ActionMailer.version}") if $PROGRAM_NAME == __FILE__
