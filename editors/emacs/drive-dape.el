;; Drives `recorder dap' by dape, in an Emacs (29 or later) without a screen: -*- lexical-binding: t -*-
;;
;;   emacs --batch -L FOLDER_OF_DAPE -l drive-dape.el PYTHON FOLDER
;;
;; PYTHON has the recorder installed; FOLDER is for the program and its trace. What does not hold ends it with a status of 1.

(require 'dape)
(load (expand-file-name "driving.el" (file-name-directory load-file-name)))

(setq dape-start-hook nil
      dape-buffer-window-arrangement nil)
(add-to-list 'dape-configs
  `(recorder modes (python-mode python-ts-mode)
             command ,python command-args ("-m" "recorder" "dap")
             :type "recorder" :request "launch" :program dape-buffer-default))

(defun session () (dape--live-connection 'stopped t))

(defun line () (plist-get (ignore-errors (dape--current-stack-frame (session))) :line))

(defun value (expression)
  (let (result)
    (dape--with-request-bind
        (answer failed)
        (dape-request (session) :evaluate
                      (list :expression expression :context "watch"
                            :frameId (plist-get (dape--current-stack-frame (session)) :id)))
      (setq result (or failed (plist-get answer :result))))
    (wait-for expression (lambda () result))
    result))

(defun back (command)
  "Goes back: \"stepBack\" or \"reverseContinue\", for which dape has no command of its own."
  (interactive (list (completing-read "Back by: " '("stepBack" "reverseContinue") nil t)))
  (let ((conn (session)))
    (dape--with-request (dape-request conn (intern (concat ":" command)) `(:threadId ,(dape--thread-id conn))) nil)))

(defun moves (act at price what)
  (funcall act)
  (wait-for what (lambda () (and (eql (line) at) (or (null price) (equal (value "price") price))))))

(find-file program)
(goto-char (point-min))
(forward-line 3)
(dape-breakpoint-toggle)
(moves (lambda () (dape (dape--config-eval 'recorder nil))) 1 nil "the first line")
(moves (lambda () (dape-continue (session))) 4 "1" "the breakpoint")
(moves (lambda () (dape-next (session))) 3 nil "a step")
(moves (lambda () (back "stepBack")) 4 "1" "a step back")
(moves (lambda () (dape-continue (session))) 4 "2" "it again")
(moves (lambda () (back "reverseContinue")) 4 "1" "the one before")
(message "all of it holds")
(kill-emacs 0)
